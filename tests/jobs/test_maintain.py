"""What nothing needs any more goes; what stages, readers and trainings need stays."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
import told
from on_disk import Warehouse
from pyspark.sql import Row, SparkSession

from jobs import maintain
from ymr_spark import schemas
from ymr_spark.errors import WarehouseLocked
from ymr_spark.pipeline import manifests, runs, stages
from ymr_spark.pipeline.settings import Maintain, Settings
from ymr_spark.records.figures import Figures, Maintained

NOW, WEEK = Settings(maintain=Maintain(retention_hours=0)), Settings()
FORGOTTEN = "forgotten-by-request"


def quarantined(*raws: str) -> list[dict[str, Any]]:
    return [{"file": "train_0.txt", "offset": 1, "raw": raw, "reason": "fields"} for raw in raws]


def raws(warehouse: Warehouse) -> list[str]:
    return sorted(map(str, warehouse.load("quarantine")["raw"].to_pylist()))


def removed(warehouse: Warehouse, settings: Settings = NOW) -> Maintained:
    return maintain.run(Warehouse(warehouse.root), settings, remove=True)


def files(warehouse: Warehouse) -> set[str]:
    found = (path for path in warehouse.root.rglob("*") if path.is_file())
    return {str(path.relative_to(warehouse.root)) for path in found}


def aged(path: Path, hours: float) -> None:
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


@pytest.fixture
def rewritten(warehouse: Warehouse) -> Warehouse:
    """A table in its third version, and a file of a job that failed."""
    for raws in ([FORGOTTEN, "b"], [FORGOTTEN], ["c", "d"]):
        warehouse.save(quarantined(*raws), "quarantine")
    (warehouse.path("quarantine") / "part-failed.parquet").write_bytes(FORGOTTEN.encode())
    return warehouse


def test_only_the_newest_version_remains(spark: SparkSession, rewritten: Warehouse) -> None:
    state, rows = rewritten.state("quarantine"), rewritten.anew().load("quarantine")
    done = removed(rewritten)
    assert done.superseded["data files of earlier versions"] > 0
    reader = Warehouse(rewritten.root)
    assert reader.state("quarantine") == state
    assert reader.load("quarantine") == rows
    assert len([*rewritten.path("quarantine").glob("*.parquet")]) == 1
    # As Delta itself reads it, and after one more commit.
    by_delta = spark.read.format("delta").load(str(rewritten.path("quarantine")))
    assert {row["raw"] for row in by_delta.collect()} == {"c", "d"}
    rewritten.save(quarantined("e"), "quarantine")
    assert raws(Warehouse(rewritten.root)) == ["e"]


def test_what_was_deleted_is_in_no_file(rewritten: Warehouse) -> None:
    def remaining() -> list[Path]:
        text = FORGOTTEN.encode()
        found = (path for path in rewritten.root.rglob("*") if path.is_file())
        return [path for path in found if text in path.read_bytes()]

    logged = [path for path in remaining() if path.suffix == ".json"]
    assert logged, "the log has the greatest values of the files"
    removed(rewritten)
    assert not remaining()


def test_nothing_goes_before_it_is_asked_for(rewritten: Warehouse) -> None:
    before = files(rewritten)
    listed = maintain.run(Warehouse(rewritten.root), NOW, remove=False)
    assert (listed.status, files(rewritten)) == ("to remove", before)
    done = removed(rewritten)
    assert (done.superseded, done.rows) == (listed.superseded, listed.rows)
    assert listed.contents["earlier versions of tables"] > 0
    assert "earlier versions of tables" not in done.contents
    assert removed(rewritten).rows <= 1  # the checkpoint before the last


def test_readers_have_their_time(rewritten: Warehouse) -> None:
    reader = Warehouse(rewritten.root)
    reader.pin("quarantine")
    rewritten.save([], "quarantine")
    assert removed(rewritten, WEEK).rows == 0
    assert raws(reader) == ["c", "d"]


def test_what_was_newest_within_their_time_can_be_read(rewritten: Warehouse) -> None:
    """However long ago it was written."""
    reader = Warehouse(rewritten.root)
    reader.pin("quarantine")
    log = rewritten.path("quarantine") / "_delta_log"
    for entry in log.glob("*.json"):
        aged(entry, hours=1_000)
    rewritten.save(quarantined("e"), "quarantine")
    removed(rewritten, WEEK)
    assert raws(reader) == ["c", "d"]
    # Once the last one is as old, only it is left, and what came after the checkpoint at it.
    for entry in log.glob("*.json"):
        aged(entry, hours=500)
    rewritten.save(quarantined("f"), "quarantine")
    later = Warehouse(rewritten.root)
    removed(rewritten, WEEK)
    assert sorted(path.stem[-1] for path in log.glob("0*.json")) == ["3", "4"]
    assert raws(later) == ["f"]
    assert Warehouse(rewritten.root).load("quarantine")["raw"].to_pylist() == ["f"]


def test_small_files_become_one(spark: SparkSession, warehouse: Warehouse) -> None:
    warehouse.save(quarantined("a"), "quarantine")
    for raw in ("b", "c"):
        frame = spark.createDataFrame([Row(**r) for r in quarantined(raw)], schemas.QUARANTINE)
        warehouse.write(frame, "quarantine", append=True)
    state = warehouse.anew().state("quarantine")
    removed(warehouse)
    reader = Warehouse(warehouse.root)
    assert len(reader.files("quarantine")) == 1
    assert raws(reader) == ["a", "b", "c"]
    assert reader.state("quarantine") == state


def test_others_upkeep_changes_no_state(spark: SparkSession, warehouse: Warehouse) -> None:
    """OPTIMIZE and VACUUM of Spark's Delta, which commit."""
    warehouse.save(quarantined("a"), "quarantine")
    frame = spark.createDataFrame([Row(**quarantined("b")[0])], schemas.QUARANTINE)
    warehouse.write(frame, "quarantine", append=True)
    state, version = warehouse.state("quarantine"), warehouse.anew().rows_version("quarantine")
    path = warehouse.path("quarantine")
    spark.sql(f"OPTIMIZE delta.`{path}`")
    spark.sql(f"VACUUM delta.`{path}`")
    reader = Warehouse(warehouse.root)
    assert reader.pin("quarantine") > version
    assert (reader.state("quarantine"), reader.rows_version("quarantine")) == (state, version)
    assert raws(reader) == ["a", "b"]


def finish(warehouse: Warehouse, stage: str, run_id: str, figures: Figures) -> Path:
    entry = stages.named(stage)
    manifests.write(entry, warehouse, run_id, told.FINGERPRINT, figures, told.COST)
    return warehouse.root / "runs" / run_id / f"{stage}.json"


def test_the_last_manifest_of_each_stage_remains(warehouse: Warehouse) -> None:
    bias, als = told.trained("bias"), told.trained("als")
    written = [
        finish(warehouse, "train_bias", "one", bias),
        finish(warehouse, "train_als", "one", als),
        finish(warehouse, "train_bias", "two", bias),
        finish(warehouse, "train_bias", "three", bias),
    ]
    for path in written[:3]:
        aged(path, hours=200)
    removed(warehouse, WEEK)
    assert [path.exists() for path in written] == [False, True, False, True]
    assert not (warehouse.root / "runs" / "two").exists()
    last = manifests.latest("train_bias", warehouse)
    assert last is not None
    assert last.sequence == 3


def test_a_training_that_may_go_on_keeps_its_checkpoints(warehouse: Warehouse) -> None:
    models = warehouse.root / "models"
    kept = [
        models / "als" / "checkpoints" / "0a" / "part-0",
        models / "bias" / "saved_model" / "saved_model.pb",
        models / "tuning" / "als" / "0b" / "journal.log",
        models / "tuning" / "shards" / "0c" / "row_group",
    ]
    gone = models / "bias" / "checkpoints" / "0d" / "part-0"
    for path in (*kept, gone):
        path.parent.mkdir(parents=True)
        path.write_text("1")
        aged(path, hours=200)
    finish(warehouse, "train_bias", "one", told.trained("bias"))
    removed(warehouse, WEEK)
    assert all(path.exists() for path in kept)
    assert not (models / "bias" / "checkpoints").exists()
    for stage, of in (("train_als", "als"), ("tune_als", "als")):
        figures = told.tuned(of) if stage == "tune_als" else told.trained(of)
        finish(warehouse, stage, "one", figures)
    removed(warehouse, WEEK)
    assert [path.exists() for path in kept] == [False, True, False, False]


def test_it_waits_for_no_run(rewritten: Warehouse) -> None:
    before = files(rewritten)
    arguments = ["--conf", "conf/sample.yaml", "--set", f"warehouse={rewritten.root}", "--remove"]
    with runs.lock(rewritten, "other"):
        assert maintain.main(arguments) == WarehouseLocked.exit_code
    assert files(rewritten) - before <= {"run.lock"}
    assert maintain.main([*arguments, "--set", "maintain.retention_hours=0"]) == 0
    assert files(rewritten) < before | {"run.lock", *files(rewritten)}
