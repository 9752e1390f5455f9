"""Parts that come later are added to the tables, which then are as by all of them at once."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from on_disk import Warehouse
from pyspark.sql import SparkSession
from raw_files import ratings, write

from jobs import ingest
from ymr_spark.pipeline import manifests, provenance, runs, stages
from ymr_spark.pipeline.settings import Ingest, Settings
from ymr_spark.records.figures import Ingested
from ymr_spark.records.manifest import Cost
from ymr_spark.sources.r2 import files, growth
from ymr_spark.store.delta_log import Extent

SETTINGS = Settings(ingest=Ingest(max_quarantine_share=0.05))
TABLES = ("ratings", "quarantine", "songs", "genres")
PARTS = [ratings(users=20, per_user=40, seed=part, first_user=20 * part) for part in range(3)]


def put(raw: Path, part: int, *more: bytes) -> None:
    """That part's files, of users of its own; its train file ends in further lines."""
    before = {path: path.stat() for path in raw.glob("*.txt")}
    train, test = PARTS[part]
    write(raw, b"".join([*train, *more]), b"".join(test), part)
    for path, stat in before.items():  # attributes are written again as they were
        if "_" not in path.name:
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def run(
    spark: SparkSession, warehouse: Warehouse, settings: Settings = SETTINGS, whole: bool = False
) -> Ingested:
    """As the job does, with its manifest."""
    stage = stages.named("ingest")
    now = runs.fingerprint(stage, warehouse, settings, provenance.code(ingest.__file__))
    told = ingest.run(spark, warehouse, settings, whole)
    manifests.write(stage, warehouse, "test", now, told, Cost(job_seconds=1, peak_memory_mib=1))
    return told


def content(spark: SparkSession, warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    rows = {table: warehouse.anew().read(spark, table).collect() for table in TABLES}
    return {table: sorted(map(tuple, found), key=repr) for table, found in rows.items()}


@pytest.fixture
def at_once(spark: SparkSession, warehouse: Warehouse, tmp_path: Path) -> Callable[[], Ingested]:
    """Takes the same raw files into another warehouse, whose tables must be the same."""

    def take(settings: Settings = SETTINGS) -> Ingested:
        other = Warehouse(tmp_path / "at-once", warehouse.raw)
        told = ingest.run(spark, other, settings)
        assert content(spark, warehouse) == content(spark, other)
        return told

    return take


def test_only_what_was_added_is_read(
    spark: SparkSession, warehouse: Warehouse, at_once: Callable[[], Ingested]
) -> None:
    put(warehouse.raw, 0, b"1\tx\t3\n")
    first = run(spark, warehouse)
    there = warehouse.anew().files("ratings")
    put(warehouse.raw, 1, b"30\t499\t9\n", PARTS[1][0][-1])
    put(warehouse.raw, 2)
    found = run(spark, warehouse)
    told = at_once()
    assert found.splits == told.splits
    assert (found.rows, found.files, found.songs) == (told.rows, told.files, told.songs)
    assert found.additions[0] == first.additions[0]
    added = found.additions[1]
    assert added.files == ["train_1.txt", "test_1.txt", "train_2.txt", "test_2.txt"]
    assert [a.ratings_version for a in found.additions] == [0, 1]
    assert found.ratings_version == warehouse.version("ratings") == 1
    assert {*there} < {*warehouse.anew().files("ratings")}
    assert run(spark, warehouse, whole=True).splits == told.splits
    assert not {*there} & {*warehouse.anew().files("ratings")}


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def take_away(raw: Path, part: int) -> None:
    for kind in ("train", "test"):
        (raw / f"{kind}_{part}.txt").unlink()


def foreign(spark: SparkSession, warehouse: Warehouse) -> None:
    rows = warehouse.anew().read(spark, "quarantine")
    warehouse.anew().write(rows.limit(0), "quarantine")


CHANGES: dict[str, Callable[[SparkSession, Warehouse], object]] = {
    "a file is another": lambda spark, w: touch(w.raw / "test_1.txt"),
    "songs are others": lambda spark, w: touch(w.raw / "song-attributes.txt"),
    "a part comes before": lambda spark, w: put(w.raw, 0),
    "a file is gone": lambda spark, w: take_away(w.raw, 1),
    "users come again": lambda spark, w: put(w.raw, 2, b"25\t499\t5\n"),
    "a table is another's": foreign,
    "a data file is gone": lambda spark, w: w.files("ratings")[0].unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_all_parts_are_read_where(
    spark: SparkSession, warehouse: Warehouse, at_once: Callable[[], Ingested], change: str
) -> None:
    put(warehouse.raw, 1)
    run(spark, warehouse)
    put(warehouse.raw, 2)
    CHANGES[change](spark, warehouse)
    found = run(spark, warehouse)
    assert found.splits == at_once().splits
    assert len(found.additions) == 1


def test_all_parts_are_read_by_other_settings(
    spark: SparkSession, warehouse: Warehouse, at_once: Callable[[Settings], Ingested]
) -> None:
    put(warehouse.raw, 0)
    run(spark, warehouse)
    put(warehouse.raw, 1)
    other = SETTINGS.model_copy(update={"seed": 2})
    assert run(spark, warehouse, other).splits == at_once(other).splits


def test_the_share_of_quarantine_is_that_of_all_lines(
    spark: SparkSession, warehouse: Warehouse, at_once: Callable[[], Ingested]
) -> None:
    put(warehouse.raw, 0)
    run(spark, warehouse)
    wrong = [b"30\tx%d\t3\n" % n for n in range(80)]
    assert len(wrong) > 0.05 * (len(PARTS[1][0]) + len(PARTS[1][1]) + len(wrong))
    put(warehouse.raw, 1, *wrong)
    assert len(run(spark, warehouse).additions) == 2
    at_once()


def test_users_of_no_known_file_may_be_anywhere(tmp_path: Path) -> None:
    there = [Extent(tmp_path, 1, 10, 19), Extent(tmp_path, 1, 30, 39)]
    assert growth.all_new([(0, 9), (20, 29), (40, 50)], there)
    assert not growth.all_new([(0, 10)], there)
    assert not growth.all_new([(19, 20)], there)
    assert not growth.all_new([(0, 99)], there)
    unknown = Extent(tmp_path, float("inf"), float("-inf"), float("inf"))
    assert not growth.all_new([(0, 1)], [unknown])


def test_nothing_is_added_where_nothing_came(warehouse: Warehouse) -> None:
    put(warehouse.raw, 0)
    raw = files.find(warehouse.raw)
    stamps = {file.name: (file.size, file.modified) for file in raw.files}
    assert growth.added(raw, stamps) is None
    assert growth.added(raw, {}) is None
