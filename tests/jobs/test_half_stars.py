"""Planted half stars from raw files to the report: every table in stars, the floor below all."""

import json
from importlib import import_module

import numpy as np
import pytest
import told
from pyspark.sql import SparkSession

from jobs import evaluate
from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import cli, manifests, provenance, runs, stages
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.leaderboard import Leaderboard
from ymr_spark.scale import Scale

pytestmark = pytest.mark.cluster
HALVES = Scale(0.5, 5, 0.5)
SETTINGS = Settings.model_validate(
    {
        "planted": {"users": 120, "songs": 150, "train_ratings": 6000},
        "scale": {"lowest": 0.5, "highest": 5, "step": 0.5},
    }
)
TRAIN = ("train_constant", "train_bias")
STAGES = ("generate_r2", "ingest", "pack", "summarize", *TRAIN, "evaluate", "report")
TOTAL = 6000 + 1200


@pytest.fixture(scope="module")
def filled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    root = tmp_path_factory.mktemp("half_stars")
    warehouse = Warehouse(root)
    for stage in map(stages.named, STAGES):
        job = import_module(f"jobs.{stage.job}")
        code = provenance.code(str(job.__file__), *stage.modules)
        before = runs.fingerprint(stage, warehouse, SETTINGS, code)
        model = [stage.model] if stage.model else []
        figures = job.run(spark, *cli.declared(stage, Warehouse(root), SETTINGS), *model)
        manifests.write(stage, warehouse, "all", before, figures, told.COST)
    return warehouse


def test_every_rating_is_kept_on_its_scale(filled: Warehouse) -> None:
    files = json.loads((filled.root / "runs/all/ingest.json").read_text())["files"].values()
    assert sum(file["lines"] for file in files) == sum(file["kept"] for file in files) == TOTAL
    ratings = filled.load("ratings")
    assert filled.scale() == HALVES
    np.testing.assert_array_equal(np.unique(ratings["rating"].to_numpy()), HALVES.values)


def test_the_summaries_are_in_stars(filled: Warehouse) -> None:
    stars = filled.load("ratings")["rating"].to_numpy()
    for table in ("summary_users", "summary_songs"):
        counts = np.array(filled.load(table)["counts"].to_pylist())
        np.testing.assert_array_equal(counts.sum(axis=0), np.bincount(HALVES.level_of(stars)))
    values = filled.load("summary_values").to_pylist()
    rated = {r["value"] for r in values if r["column"] == "rating"}
    assert rated == set(HALVES.values.tolist())
    described = {(r["split"], r["column"]): r for r in filled.load("summary_columns").to_pylist()}
    rating = described["train_files", "rating"]
    train = filled.load("ratings").to_pandas().query("split != 'test'")["rating"]
    assert (rating["min"], rating["max"], rating["count"]) == (0.5, 5, 6000)
    assert rating["mean"] == pytest.approx(train.mean())
    assert rating["stddev"] == pytest.approx(train.astype(float).std())
    assert {r["rating"] for r in filled.load("summary_lean").to_pylist()} == {0.5, 5}


def test_the_leaderboard_is_above_the_floor(filled: Warehouse) -> None:
    board = json.loads((filled.root / "reports/leaderboard.json").read_text())
    mse = {model["name"]: model["mse"] for model in board["models"]}
    assert board["floor_mse"] < mse["bias"] < mse["constant"]
    test = filled.load("ratings").to_pandas().query("split == 'test'")
    known = filled.load("predictions").to_pandas().query("model == 'bias' and split == 'test'")
    both = test.merge(known, on=["user_id", "song_id"])
    assert mse["bias"] == pytest.approx(((both["prediction"] - both["rating"]) ** 2).mean())


def test_slices_are_by_half_stars(filled: Warehouse) -> None:
    rows = filled.load("slices").to_pylist()
    wanted = {"slice": "rating", "model": "bias", "split": "test"}
    by_rating = [r for r in rows if r.items() >= wanted.items()]
    assert [(r["label"], r["mean_rating"]) for r in by_rating] == [
        (f"{stars:g}", stars) for stars in HALVES.values
    ]
    labels = {r["label"] for r in rows if r["slice"] == "prediction"}
    assert labels & {"2.75–3.03", "3.03–3.31"}
    assert all(r["floor_mse"] for r in rows if r["slice"] == "popularity" and r["split"] == "test")


def test_the_report_draws_half_stars(filled: Warehouse) -> None:
    page = (filled.root / "reports/index.html").read_text()
    assert "of the ratings in the train files are 0.5 or 5" in page
    assert "at least every second time" in page
    for bar in ("0.5", "3.5", "4.5"):
        assert f">{bar}</text>" in page


def test_only_the_models_that_the_settings_name_are_judged(
    spark: SparkSession, filled: Warehouse
) -> None:
    """Whatever else has been trained; where none of them has, that is said."""
    stage = stages.named("evaluate")
    for models, found in ((["bias"], ["bias"]), (["bias", "als"], ["bias"])):
        settings = SETTINGS.model_copy(update={"models": models})
        evaluate.run(spark, *cli.declared(stage, Warehouse(filled.root), settings))
        path = filled.path("reports/leaderboard.json")
        assert Leaderboard.of_json(path.read_bytes()).names == found
    none = SETTINGS.model_copy(update={"models": ["als"]})
    with pytest.raises(DataContractError, match=r"the settings name \(als\) is there, only"):
        evaluate.run(spark, *cli.declared(stage, Warehouse(filled.root), none))
