import json

import numpy as np
import pytest
import told
from builders import noisy_taste, ratings
from pyspark.sql import Row, SparkSession

from jobs import search
from ymr_spark.identity import Identity
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Searched
from ymr_spark.search import folds

USERS, SONGS = 120, 60
SETTINGS = Settings.model_validate(
    {
        "als": {"rank": 8, "regularization": 0.001, "iterations": 2, "blocks": 1},
        "latent_factor": {"rank": 2, "max_iterations": 3},
        "search": {
            "sample_ratings": 10_000,
            "folds": 2,
            "ranks": [1, 8],
            "regularizations": [0.001, 0.5],
        },
    }
)


@pytest.fixture(scope="module")
def filled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Ratings of one taste and much noise: hardly regularised, eight factors fit the noise."""
    rows = noisy_taste(USERS, SONGS)
    warehouse = Warehouse(tmp_path_factory.mktemp("search"))
    version = warehouse.write(ratings(spark, rows), "ratings")
    measured = told.ingested({"train": Identity(len(rows), "x")}, version)
    told.write(warehouse, "ingest", measured)
    return warehouse


def searched(
    spark: SparkSession, warehouse: Warehouse, model: str, trials: int
) -> tuple[Searched, list[Row]]:
    """The job's figures, and the model's rows by trial and epoch."""
    section = SETTINGS.search.model_copy(update={"model": model, "trials": trials})
    figures = search.run(spark, warehouse, SETTINGS.model_copy(update={"search": section}))
    return figures, rows_of(spark, warehouse, model)


def rows_of(spark: SparkSession, warehouse: Warehouse, model: str) -> list[Row]:
    table = Warehouse(warehouse.root).read(spark, "search").where(f"model = '{model}'")
    return table.orderBy("trial", "epoch").collect()


@pytest.mark.cluster
def test_planted_noise_asks_for_regularisation_and_models_live_side_by_side(
    spark: SparkSession, filled: Warehouse
) -> None:
    _, first = searched(spark, filled, "als", trials=1)
    assert json.loads(first[0].parameters) == {"rank": 8, "regularization": 0.001}
    assert first[0].train_mse < first[0].validation_mse
    _, others = searched(spark, filled, "latent_factor", trials=1)
    assert [(row.trial, row.epoch) for row in others] == [(0, 1), (0, 2), (0, 3)]
    # More trials of the first model leave its other trial and the other model alone.
    figures, rows = searched(spark, filled, "als", trials=3)
    assert [(row.trial, row.epoch) for row in rows] == [(0, 1), (1, 1), (2, 1)]
    assert rows[0] == first[0]
    assert rows_of(spark, filled, "latent_factor") == others
    assert figures.best.parameters["regularization"] > 0.01
    assert figures.best.validation_mse < 0.8 * rows[0].validation_mse
    assert figures.rows == filled.read(spark, "ratings").count()


def test_folds_part_the_rows_of_whole_users(spark: SparkSession, filled: Warehouse) -> None:
    table = filled.read(spark, "ratings")
    sample = folds.of_users(table, 0.4, seed=1)
    parts = folds.cut(sample, 3, seed=1)
    together = [
        tuple(row) for part in parts for row in zip(*part.validation_arrays.columns, strict=True)
    ]
    users = {user for user, _, _ in together}
    wanted = [tuple(row)[:3] for row in table.collect() if row.user_id in users]
    assert 0.25 * USERS < len(users) < 0.55 * USERS
    assert sorted(together) == sorted(wanted)
    for part in parts:
        arrays = (part.validation_arrays, part.train_arrays)
        held_out, train = (set(zip(*rows.columns, strict=True)) for rows in arrays)
        assert held_out.isdisjoint(train)
        assert held_out | train == set(together)
        assert len(held_out) == pytest.approx(len(together) / 3, rel=0.2)
    shuffled = folds.cut(folds.of_users(table.repartition(5, "song_id"), 0.4, seed=1), 3, seed=1)
    for one, other in zip(parts, shuffled, strict=True):
        np.testing.assert_array_equal(one.train_arrays.columns, other.train_arrays.columns)
