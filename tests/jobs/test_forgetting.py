"""A user's rows, deleted on request: in no file below the warehouse once it has been maintained."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from on_disk import Warehouse
from pyspark.sql import SparkSession
from raw_files import ratings, write

from jobs import ingest, maintain
from ymr_spark.pipeline.settings import Settings
from ymr_spark.records.figures import Ingested
from ymr_spark.sources.reasons import Reason

GONE = "no-longer-a-customer"
NOW = {"maintain": {"retention_hours": 0}}


def values(path: Path) -> list[Any]:
    """Of all columns of a data file, whatever it is compressed by."""
    columns = pq.ParquetFile(path).read().columns
    return [value for column in columns for value in column.to_pylist()]


def found_in(root: Path, own: str) -> list[Path]:
    """Files whose bytes, or whose values, have the id."""
    files = [path for path in root.rglob("*") if path.is_file()]
    named = [path for path in files if own.encode() in path.read_bytes()]
    parquet = [path for path in files if path.suffix == ".parquet"]
    return named + [path for path in parquet if any(own in str(v) for v in values(path))]


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Ingested:
    told = ingest.run(spark, warehouse, settings)
    maintain.run(Warehouse(warehouse.root), settings, remove=True)
    return told


@pytest.fixture
def forgotten(tmp_path: Path) -> Path:
    path = tmp_path / "forgotten.txt"
    path.write_text("")
    return path


def test_of_a_table(spark: SparkSession, tmp_path: Path, forgotten: Path) -> None:
    lines = ["user,item,rating"]
    users = ["ann", GONE, "bob", "cy"]
    lines += [f"{user},song {song},{1 + song % 5}" for user in users for song in range(12)]
    lines += [f"{GONE},song 3,none", f'"{GONE}",song 3', f"bob,song 1,{GONE}"]
    path = tmp_path / "ratings.csv"
    path.write_text("\n".join([*lines, ""]))
    raw = {"source": "table", "path": str(path), "forgotten": str(forgotten)}
    settings = Settings.model_validate(NOW | {"raw": raw, "ingest": {"max_quarantine_share": 0.1}})
    warehouse = Warehouse(tmp_path / "warehouse", path, None, forgotten)

    before = run(spark, warehouse, settings)
    assert len(found_in(warehouse.root, GONE)) >= 3
    forgotten.write_text(f"{GONE}\n")
    after = run(spark, warehouse.anew(), settings)

    assert after.rows == before.rows - 12
    (counts,) = after.files.values()
    assert counts.quarantined[Reason.FORGOTTEN] == 13
    assert counts.lines == counts.kept + sum(counts.quarantined.values()) == len(lines) - 1
    assert not found_in(warehouse.root, GONE)
    users_left = Warehouse(warehouse.root).load("user_ids")["id"].to_pylist()
    assert users_left == ["ann", "bob", "cy"]


@pytest.mark.parametrize("shuffled", [False, True])
def test_of_r2(
    spark: SparkSession, warehouse: Warehouse, tmp_path: Path, forgotten: Path, shuffled: bool
) -> None:
    train, test = ratings(users=30, per_user=40, seed=1, first_user=7_654_300)
    train += [b"7654321\tx\t3\n", b"07654321\t1\t9\n", b"7654300\t0\t9\n"]
    train = train[::-1] if shuffled else train
    write(warehouse.raw, b"".join(train), b"".join(test))
    raw = {"source": "folder", "folder": str(warehouse.raw), "forgotten": str(forgotten)}
    settings = Settings.model_validate(NOW | {"raw": raw, "ingest": {"max_quarantine_share": 0.01}})
    mine = [line for line in [*train, *test] if line.startswith((b"7654321\t", b"07654321\t"))]
    warehouse = Warehouse(tmp_path / "warehouse", warehouse.raw, None, forgotten)

    before = run(spark, warehouse, settings)
    assert found_in(warehouse.root, "7654321")
    forgotten.write_text("7654321\n")
    after = run(spark, warehouse.anew(), settings)

    assert after.rows == before.rows - (len(mine) - 2)
    gone = sum(counts.quarantined.get(Reason.FORGOTTEN, 0) for counts in after.files.values())
    assert gone == len(mine) - 2
    assert not found_in(warehouse.root, "7654321")
    rows = Warehouse(warehouse.root).load("quarantine").to_pylist()
    assert sorted(row["raw"] for row in rows)[-1] == "7654300\t0\t9"
    shutil.rmtree(warehouse.root)
    assert run(spark, warehouse.anew(), settings).splits == after.splits
