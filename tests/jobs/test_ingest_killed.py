"""kill -9 at five moments of ingest, each followed by a run that must come out the same."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from on_disk import Warehouse
from pyspark.sql import SparkSession
from raw_files import ratings, write

from jobs import ingest
from ymr_spark.identity import Identity
from ymr_spark.pipeline.settings import Settings
from ymr_spark.ratings import identity

ROOT = Path(__file__).parent.parent.parent
# Of the rows below, whenever and wherever they are ingested.
TRAIN_HASH = "00000350d5f23b490000033f2b0b3321"


def committed(table: str) -> Callable[[Warehouse, Path], bool]:
    return lambda warehouse, log: (warehouse.version(table) or 0) > 0


MOMENTS: dict[str, Callable[[Warehouse, Path], bool]] = {
    "audit": lambda warehouse, log: "auditing" in log.read_text(),
    "write begun": lambda warehouse, log: "writing" in log.read_text(),
    "files written": lambda warehouse, log: len(data_files(warehouse)) > 3,
    "ratings committed": committed("ratings"),
    "songs committed": committed("songs"),
}


def data_files(warehouse: Warehouse) -> list[Path]:
    return list(warehouse.path("ratings").rglob("*.parquet"))


def content(spark: SparkSession, warehouse: Warehouse) -> dict[str, Identity]:
    """The splits of the ratings, as a new reader sees them; the other tables can be read too."""
    reader = Warehouse(warehouse.root, warehouse.raw)
    for table in ("songs", "genres", "quarantine"):
        assert reader.read(spark, table).count() >= 0
    return identity(reader.read(spark, "ratings"))


@pytest.fixture(scope="module")
def before(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The previous versions: half of the rows."""
    root = tmp_path_factory.mktemp("before")
    train, test = ratings(users=30, per_user=60, seed=4)
    write(root / "raw", b"".join(train[: len(train) // 2]), b"".join(test))
    ingest.run(spark, Warehouse(root, root / "raw"), Settings())
    return Warehouse(root, root / "raw")


def killed_at(moment: str, warehouse: Warehouse) -> None:
    """Start ingest as a process of its own and kill all of it at that moment."""
    settings = [f"warehouse={warehouse.root}", f"raw.folder={warehouse.raw}"]
    settings += ["spark_defaults=tests/spark.conf"]
    command = [sys.executable, "jobs/ingest.py", "--conf", "conf/sample.yaml"]
    command += [word for setting in settings for word in ("--set", setting)]
    log = warehouse.root / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
    while not MOMENTS[moment](warehouse, log):
        assert process.poll() is None, log.read_text()
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "status" not in log.read_text()


@pytest.mark.cluster
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_ingest(
    spark: SparkSession, before: Warehouse, tmp_path: Path, moment: str
) -> None:
    root = shutil.copytree(before.root, tmp_path / "warehouse")
    warehouse = Warehouse(root, root / "raw")
    assert len(data_files(warehouse)) == 3
    train, test = ratings(users=30, per_user=60, seed=4)
    write(warehouse.raw, b"".join(train), b"".join(test))
    killed_at(moment, warehouse)
    left = content(spark, warehouse)
    ingest.run(spark, warehouse, Settings())
    final = content(spark, warehouse)
    rows = Counter(line.split(b"\t")[0] for line in train)
    held_out = sum(min(10, of_user // 5) for of_user in rows.values())
    assert {name: found.rows for name, found in final.items()} == {
        "train": len(train) - held_out,
        "validation": held_out,
        "test": len(test),
    }
    assert final["train"].hash == TRAIN_HASH
    assert left == (final if moment.endswith("committed") else content(spark, before))
