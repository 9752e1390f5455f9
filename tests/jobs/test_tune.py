"""Settings chosen on samples of the data, and what follows from them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import told
from builders import noisy_taste, ratings
from on_disk import Warehouse
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs import train, tune
from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.models import registry
from ymr_spark.pipeline import cli, fitting, stages
from ymr_spark.pipeline.settings import Settings
from ymr_spark.ratings import COLUMNS, identity
from ymr_spark.records.figures import Tuned

USERS, SONGS = 120, 60
SETTINGS = Settings.model_validate(
    {
        "als": {"rank": 8, "regularization": 0.001, "iterations": 2, "blocks": 1},
        "implicit_als": {"rank": 2, "regularization": 1_000.0, "iterations": 3},
        "two_tower_dot": {"dimension": 2, "learning_rate": 1e-6, "attributes": ["artist"]},
        "tune": {
            "trials": 3,
            "sample_ratings": 3_000,
            "reduction": 2,
            "least_ratings": 100,
            "max_epochs": 2,
        },
    }
)


@pytest.fixture(scope="module")
def filled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Ratings of one taste and much noise: hardly regularised, eight factors fit the noise."""
    return written(spark, tmp_path_factory.mktemp("tune"), noisy_taste(USERS, SONGS))


def written(spark: SparkSession, root: Path, stars: list[tuple[int, int, int]]) -> Warehouse:
    rows = ratings(spark, stars)
    split = F.when(F.xxhash64("user_id", "song_id") % 8 == 0, "validation").otherwise("train")
    warehouse = Warehouse(root)
    version = warehouse.write(rows.withColumn("split", split), "ratings")
    songs = np.arange(SONGS, dtype=np.int32)
    album = {"album_id": songs, "artist_id": songs // 4, "genre_id": songs % 2 + 1}
    warehouse.save(pa.Table.from_pydict({"song_id": songs, **album}).to_pylist(), "songs")
    genres = [
        {"genre_id": g, "parent_genre_id": g, "level": 1, "name": str(g), "top_genre_id": g}
        for g in (1, 2)
    ]
    warehouse.save(genres, "genres")
    splits = identity(warehouse.read(spark, "ratings"))
    told.write(warehouse, "ingest", told.ingested(splits, version))
    told.packed(spark, warehouse)
    return warehouse


def run(spark: SparkSession, warehouse: Warehouse, model: str, settings: Settings) -> Tuned:
    """The stage as it is declared."""
    stage = stages.named(f"tune_{model}")
    fresh = Warehouse(warehouse.root, warehouse.raw)
    return tune.run(spark, *cli.declared(stage, fresh, settings), model)


def test_planted_noise_asks_for_regularisation(spark: SparkSession, filled: Warehouse) -> None:
    found = run(spark, filled, "als", SETTINGS)
    assert found.given == {"rank": 8, "regularization": 0.001}
    assert found.trials == 3
    assert found.best.settings["regularization"] > 0.01
    assert found.ranges["rank"] == (8, 32)
    assert found.best.settings["rank"] >= 8
    assert found.best.validation_mse is not None
    assert found.best.validation_mse < 0.9 * found.first_rung[1]
    assert found.rows < filled.read(spark, "ratings").where("split = 'train'").count()
    assert Tuned.model_validate_json(filled.path("tuned/als.json").read_bytes()) == found
    # What was tried is not tried again, whatever becomes of the file.
    filled.path("tuned/als.json").unlink()
    assert run(spark, filled, "als", SETTINGS) == found


def test_samples_are_nested_and_leave_both_sides_alike(
    spark: SparkSession, filled: Warehouse
) -> None:
    shared: tune.Samples = {}
    first, again = (tune._nested(spark, Warehouse(filled.root), SETTINGS, shared) for _ in range(2))
    assert again == first  # the very same
    users, songs = (
        [{row[0] for row in s.rows.select(side).distinct().collect()} for s in first]
        for side in ("user_id", "song_id")
    )
    for ids, all_of_them in ((users, USERS), (songs, SONGS)):
        assert ids[0] < ids[1] < ids[2]
        assert len(ids[2]) < all_of_them
    whole = filled.read(spark, "ratings").select(*COLUMNS, "split")
    mine = F.col("user_id").isin([*users[0]]) & F.col("song_id").isin([*songs[0]])
    assert first[0].identities == identity(whole.where(mine))
    assert {*first[0].identities} == {"train", "validation"}


def test_a_model_that_only_ranks_is_tuned_by_its_lists(spark: SparkSession, tmp_path: Path) -> None:
    """Two kinds of users listen to songs of their own."""
    stars = [(u, s, 5) for u, s, _ in noisy_taste(USERS, SONGS) if u % 2 == s % 2]
    whole = SETTINGS.tune.model_copy(update={"sample_ratings": 10_000, "least_ratings": 5_000})
    settings = SETTINGS.model_copy(update={"tune": whole})
    found = run(spark, written(spark, tmp_path, stars), "implicit_als", settings)
    assert found.given == {"unobserved": 5.0, "regularization": 1_000}
    assert found.finalists == 3
    assert found.runner_up is not None
    best, next_best = found.best.validation_ndcg, found.runner_up.validation_ndcg
    assert best is not None
    assert next_best is not None
    assert best > next_best
    assert found.first_rung == pytest.approx((1 - best, found.first_rung[1]))


def test_few_rows_are_one_sample(spark: SparkSession, filled: Warehouse) -> None:
    large = {"sample_ratings": 10_000_000, "least_ratings": 5_000}
    settings = SETTINGS.model_copy(update={"tune": SETTINGS.tune.model_copy(update=large)})
    (sample,) = tune._nested(spark, Warehouse(filled.root), settings, {})
    assert sample.identities == identity(filled.read(spark, "ratings"))


def test_a_sample_of_nobody(spark: SparkSession, filled: Warehouse) -> None:
    few = {"sample_ratings": 100, "reduction": 100, "least_ratings": 1}
    small = SETTINGS.tune.model_copy(update=few)
    settings = SETTINGS.model_copy(update={"tune": small})
    with pytest.raises(SettingsError, match="raise sample_ratings or lower reduction"):
        tune._nested(spark, Warehouse(filled.root), settings, {})


def test_how_far_all_rows_are_beyond_the_samples() -> None:
    assert tune._beyond([10, 40], 640) == pytest.approx(2)
    assert tune._beyond([10, 40], 40) == tune._beyond([40], 640) == tune._beyond([40, 40], 640) == 0


@pytest.mark.cluster
def test_a_deep_model_is_tuned_with_its_songs_content(
    spark: SparkSession, filled: Warehouse
) -> None:
    whole = {"sample_ratings": 10_000_000, "least_ratings": 5_000}
    settings = SETTINGS.model_copy(update={"tune": SETTINGS.tune.model_copy(update=whole)})
    found = run(spark, filled, "two_tower_dot", settings)
    assert found.given == {"learning_rate": 1e-6, "l2": 32.0}  # by which nothing is learned
    # All trials are finalists where the sample is all rows, and the best of them is taken.
    assert found.finalists == 3
    assert found.best.validation_mse == found.first_rung[0] < found.first_rung[1]


def test_training_goes_by_what_was_chosen(spark: SparkSession, filled: Warehouse) -> None:
    tuned = told.tuned("latent_factor")
    filled.path("tuned/").mkdir(exist_ok=True)
    filled.path("tuned/latent_factor.json").write_text(tuned.model_dump_json())
    for model in ("bias", "latent_factor"):
        stage = stages.of_model(model)
        fresh = Warehouse(filled.root, filled.raw)
        figures = train.run(spark, *cli.declared(stage, fresh, SETTINGS), model)
    assert figures.parameters["rank"] == tuned.best.settings["rank"] == 2
    off = SETTINGS.model_copy(update={"tune": SETTINGS.tune.model_copy(update={"trials": 0})})
    assert fitting.values("latent_factor", filled, off)["rank"] == 12


def test_settings_that_were_not_chosen_yet(filled: Warehouse) -> None:
    with pytest.raises(DataContractError, match=r"run jobs/tune.py --model two_tower_mlp first"):
        fitting.values("two_tower_mlp", filled, SETTINGS)


@pytest.mark.parametrize(("rank", "at_edge"), [(8, []), (20, []), (32, ["rank"])])
def test_the_end_of_a_range_beyond_which_there_is_more(rank: int, at_edge: list[str]) -> None:
    """Below the given rank, with which its range begins, there is nothing to look for."""
    ranges = {"rank": (8.0, 32.0), "regularization": (0.01, 0.5)}
    als = registry.named("als")
    assert tune._at_edge(als, {"rank": rank, "regularization": 0.1}, ranges) == at_edge
    found = tune._at_edge(als, {"rank": rank, "regularization": 0.01}, ranges)
    assert found == [*at_edge, "regularization"]


def test_every_range_is_one_of_the_section(filled: Warehouse) -> None:
    for entry in registry.MODELS:
        for chosen in entry.tuned:
            assert len(getattr(SETTINGS.tune, chosen.within)) == 2
            assert chosen.setting in entry.section.model_fields


def test_the_pipeline_tunes_only_where_there_are_trials() -> None:
    def names(trials: int) -> list[str]:
        settings = Settings.model_validate({"tune": {"trials": trials}, "models": ["bias", "als"]})
        return [stage.name for stage in stages.pipeline(settings)]

    assert set(names(6)) - set(names(0)) == {"tune_als"}
    assert names(6).index("tune_als") < names(6).index("train_als")
