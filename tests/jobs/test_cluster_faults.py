"""Executors and drivers that are killed, and tasks that always fail, on a standalone cluster."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import all_stages
import psutil
import pytest
from on_disk import Warehouse
from pyspark.sql import SparkSession
from tables import assert_same_tables

from ymr_spark import schemas
from ymr_spark.pipeline import stages
from ymr_spark.runtime import cluster

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(600)]
ROOT = Path(__file__).parent.parent.parent
BOUND_SECONDS = 300


class Submitted:
    """Stages of one job on the cluster, the output in a file."""

    def __init__(self, command: list[str], names: list[str], warehouse: Warehouse) -> None:
        settings = {"warehouse": warehouse.root, "raw.folder": warehouse.raw, "logs": "plain"}
        settings |= all_stages.SETTINGS
        words = [w for key, value in settings.items() for w in ("--set", f"{key}={value}")]
        self.log = warehouse.root / "log"
        job, *models = (word for name in names for word in stages.named(name).command.split())
        models = [word for word in models if word != job]
        command = [*command, job, *models, "--conf", "conf/cluster.yaml", "--force", *words]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_until(self, happened: Callable[[], bool]) -> None:
        while not happened():
            assert self.process.poll() is None, self.log.read_text()[-5000:]
            time.sleep(0.01)

    def says(self, words: str) -> Callable[[], bool]:
        return lambda: words in self.log.read_text()

    def exit_code(self) -> int:
        return self.process.wait(BOUND_SECONDS)

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


Start = Callable[..., Submitted]


@pytest.fixture
def start(submit: list[str], warehouse: Warehouse) -> Iterator[Start]:
    """Submits stages of one job, with further options; what still runs at the end is killed."""
    running = []

    def started(*names: str, options: Sequence[str] = ()) -> Submitted:
        running.append(Submitted([*submit, *options], [*names], warehouse))
        return running[-1]

    yield started
    for job in running:
        job.kill()


@pytest.fixture
def warehouse(on_cluster: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of the filled warehouse, to be filled again under faults."""
    return Warehouse(shutil.copytree(on_cluster.root, tmp_path / "warehouse"))


def executors(folder: Path, with_python: bool) -> list[int]:
    """Process ids of the executors that run on the cluster, or of those that run Python."""
    below = [p for _, daemon in cluster.daemons(folder) for p in daemon.children()]
    return [p.pid for p in below if is_executor(p) and (p.children() or not with_python)]


def is_executor(process: psutil.Process) -> bool:
    try:
        return "org.apache.spark.executor.CoarseGrainedExecutorBackend" in process.cmdline()
    except psutil.NoSuchProcess:  # ended meanwhile
        return False


def killed_executors(folder: Path) -> int:
    """As the drivers on this cluster noticed them."""
    logs = [f for f in folder.glob("events/*/events_*") if f.is_file()]
    events = [json.loads(line) for f in logs for line in f.read_text().splitlines()]
    removed = [e for e in events if e["Event"] == "SparkListenerExecutorRemoved"]
    return sum("137" in e["Removed Reason"] for e in removed)


def commits(*names: str) -> Counter[str]:
    """How often runs of the stages commit which table; none in quarantine is no commit."""
    written = Counter(table for name in names for table in stages.named(name).writes)
    return Counter({t: n for t, n in written.items() if t in schemas.TABLES and t != "quarantine"})


def versions(warehouse: Warehouse, *names: str) -> Counter[str]:
    return Counter({table: warehouse.version(table) or 0 for table in commits(*names)})


def committed(warehouse: Warehouse, before: Counter[str], *names: str) -> Counter[str]:
    """How often since then. The same rows as before may be nothing but the rows of before."""
    return Counter({t: v - before[t] for t, v in versions(warehouse, *names).items()})


@pytest.mark.parametrize(
    ("stage", "moment"),
    [
        ("ingest", "auditing"),
        ("ingest", "writing"),
        ("train_als", "fitting als"),
        ("recommend", "top 5 songs"),
    ],
)
def test_a_killed_executor_changes_nothing(
    spark: SparkSession,
    cluster_folder: Path,
    start: Start,
    on_cluster: Warehouse,
    warehouse: Warehouse,
    stage: str,
    moment: str,
) -> None:
    before, tables = killed_executors(cluster_folder), versions(warehouse, stage)
    running = start(stage)
    running.wait_until(running.says(moment))
    # ALS has no Python on executors, and has run jobs on them before it begins.
    victims: list[int] = []

    def found() -> bool:
        victims.extend(executors(cluster_folder, with_python=stage != "train_als"))
        return bool(victims)

    running.wait_until(found)
    os.kill(victims[0], signal.SIGKILL)
    assert running.exit_code() == 0, running.log.read_text()[-5000:]
    assert killed_executors(cluster_folder) == before + 1
    assert committed(warehouse, tables, stage) == commits(stage)
    assert_same_tables(spark, on_cluster, warehouse)


def test_a_task_that_always_fails_ends_the_job(
    spark: SparkSession, start: Start, on_cluster: Warehouse, warehouse: Warehouse
) -> None:
    """Python on the executors ends as soon as it is started."""
    broken = ["--conf", "spark.pyspark.python=/bin/false"]
    broken += ["--conf", f"spark.pyspark.driver.python={sys.executable}"]
    before = versions(warehouse, "ingest")
    running = start("ingest", options=broken)
    assert running.exit_code() == 1
    log = running.log.read_text()
    assert "failed 4 times" in log
    assert '"status": "failed"' in log
    assert versions(warehouse, "ingest") == before
    assert_same_tables(spark, on_cluster, warehouse)


def test_a_driver_killed_between_two_writes(
    spark: SparkSession, start: Start, on_cluster: Warehouse, warehouse: Warehouse
) -> None:
    both = ("train_latent_factor", "train_als")
    before = versions(warehouse, *both)
    running = start(*both)
    running.wait_until(lambda: (warehouse.version("latent_factor_songs") or 0) > 0)
    running.kill()
    half = committed(warehouse, before, *both)
    assert (half["latent_factor_songs"], half["als_songs"]) == (1, 0)
    assert_same_tables(spark, on_cluster, warehouse)
    before = versions(warehouse, *both)
    again = start(*both)
    assert again.exit_code() == 0, again.log.read_text()[-5000:]
    assert committed(warehouse, before, *both) == commits(*both)
    assert_same_tables(spark, on_cluster, warehouse)
