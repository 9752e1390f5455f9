"""A training that begins with what the last one of its model has found says so."""

import pytest
import raw_files
import told
from on_disk import Warehouse
from pyspark.sql import SparkSession

from jobs import ingest, train
from ymr_spark.pipeline.settings import Settings
from ymr_spark.records.figures import Trained

QUICK = {"latent_factor": {"rank": 2, "max_iterations": 2}, "final_fit": "update"}
WARM = Settings.model_validate(QUICK | {"warm_start": True})


@pytest.fixture(scope="module")
def ingested(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    root = tmp_path_factory.mktemp("warm")
    warehouse = Warehouse(root / "warehouse", root / "raw")
    lines, held_out = (b"".join(side) for side in raw_files.ratings(40, 30, seed=1))
    raw_files.write(warehouse.raw, lines, held_out)
    told.write(warehouse, "ingest", ingest.run(spark, warehouse, Settings()))
    told.packed(spark, warehouse)
    train.run(spark, Warehouse(warehouse.root), Settings(), "bias")
    return warehouse


def fitted(spark: SparkSession, warehouse: Warehouse, settings: Settings = WARM) -> Trained:
    return train.run(spark, Warehouse(warehouse.root), settings, "latent_factor")


def test_the_last_fit_is_what_the_next_one_begins_with(
    spark: SparkSession, ingested: Warehouse
) -> None:
    folder = ingested.root / "models" / "latent_factor" / "start"
    first = fitted(spark, ingested)
    assert "began_with" not in first.told
    kept = {path.name for path in folder.iterdir()}
    second = fitted(spark, ingested)
    assert second.told["began_with"] == f"{first.rows} rows of hash {first.train_hash}"
    errors = [point.validation_mse for run in (first, second) for point in run.learning_curve]
    assert errors[2:] != errors[:2]
    # One is kept, the newest.
    now = {path.name for path in folder.iterdir()}
    assert len(now) == len(kept) == 2
    assert now & kept == {"told.json"}

    anew = fitted(spark, ingested, Settings.model_validate(QUICK))
    assert "began_with" not in anew.told
    assert {path.name for path in folder.iterdir()} == now
    assert [point.validation_mse for point in anew.learning_curve] == errors[:2]

    (found,) = folder.glob("*.npz")
    found.write_bytes(found.read_bytes()[:-9])
    assert "began_with" not in fitted(spark, ingested).told
