"""Executors and drivers that are killed, and tasks that always fail, on a standalone cluster."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import all_stages
import pytest
from pyspark.sql import SparkSession
from tables import assert_same_tables

from ymr_spark import cluster
from ymr_spark.warehouse import Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parent.parent.parent
BOUND_SECONDS = 300


class Submitted:
    """A job on the cluster, its output in a file."""

    def __init__(self, command: list[str], job: str, warehouse: Warehouse) -> None:
        settings = {"warehouse": warehouse.root, "raw.folder": warehouse.raw, "logs": "plain"}
        for section, values in all_stages.SETTINGS.items():
            settings |= {f"{section}.{key}": value for key, value in values.items()}
        words = [w for key, value in settings.items() for w in ("--set", f"{key}={value}")]
        self.log = warehouse.root / "log"
        command = [*command, f"jobs/{job}.py", "--conf", "conf/cluster.yaml", "--force", *words]
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
        try:
            return self.process.wait(BOUND_SECONDS)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)


@pytest.fixture
def warehouse(on_cluster: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of the filled warehouse, to be filled again under faults."""
    return Warehouse(shutil.copytree(on_cluster.root, tmp_path / "warehouse"))


def executors(folder: Path) -> Iterator[int]:
    """Process ids of the executors that run on the cluster."""
    for _, daemon in cluster.daemons(folder):
        for child in daemon.children():
            if "org.apache.spark.executor.CoarseGrainedExecutorBackend" in child.cmdline():
                yield child.pid


def killed_executors(folder: Path) -> int:
    """As the drivers on this cluster noticed them."""
    logs = [f for f in folder.glob("events/*/events_*") if f.is_file()]
    events = [json.loads(line) for f in logs for line in f.read_text().splitlines()]
    removed = [e for e in events if e["Event"] == "SparkListenerExecutorRemoved"]
    return sum("137" in e["Removed Reason"] for e in removed)


@pytest.mark.parametrize(
    ("job", "moment"),
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
    submit: list[str],
    on_cluster: Warehouse,
    warehouse: Warehouse,
    job: str,
    moment: str,
) -> None:
    before = killed_executors(cluster_folder)
    running = Submitted(submit, job, warehouse)
    running.wait_until(running.says(moment))
    running.wait_until(lambda: any(executors(cluster_folder)))
    os.kill(next(executors(cluster_folder)), signal.SIGKILL)
    assert running.exit_code() == 0, running.log.read_text()[-5000:]
    assert killed_executors(cluster_folder) == before + 1
    assert_same_tables(spark, on_cluster, warehouse)


def test_a_task_that_always_fails_ends_the_job(
    spark: SparkSession, submit: list[str], on_cluster: Warehouse, warehouse: Warehouse
) -> None:
    """Python on the executors ends as soon as it is started."""
    broken = ["--conf", "spark.pyspark.python=/bin/false"]
    broken += ["--conf", f"spark.pyspark.driver.python={sys.executable}"]
    running = Submitted([*submit, *broken], "ingest", warehouse)
    assert running.exit_code() == 1
    log = running.log.read_text()
    assert "failed 4 times" in log
    assert json.loads(log.splitlines()[-1])["status"] == "failed"
    assert_same_tables(spark, on_cluster, warehouse)


def test_a_driver_killed_between_two_writes(
    spark: SparkSession, submit: list[str], on_cluster: Warehouse, warehouse: Warehouse
) -> None:
    running = Submitted(submit, "train_als", warehouse)
    running.wait_until(lambda: (warehouse.version("als_songs") or 0) > 0)
    os.killpg(running.process.pid, signal.SIGKILL)
    running.process.wait()
    assert warehouse.version("latent_factor_songs") == 0
    assert_same_tables(spark, on_cluster, warehouse)
    again = Submitted(submit, "train_als", warehouse)
    assert again.exit_code() == 0, again.log.read_text()[-5000:]
    assert warehouse.version("latent_factor_songs") == 1
    assert_same_tables(spark, on_cluster, warehouse)
