"""A standalone cluster for the tests that need one, and the pipeline's tables made on it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import all_stages
import pytest
from pyspark.sql import SparkSession

from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.runtime import cluster

ROOT = Path(__file__).parent.parent.parent
SUBMIT = str(Path(sys.executable).parent / "spark-submit")

LIGHT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@pytest.fixture(scope="session")
def cluster_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a running cluster of two workers with one core each."""
    folder = tmp_path_factory.mktemp("cluster")
    cluster.up(folder)
    yield folder
    assert set(cluster.down(folder)) == {"master", "worker-1", "worker-2", "history"}


@pytest.fixture(scope="session")
def submit(cluster_folder: Path) -> list[str]:
    """The command before a script that submits it to the cluster."""
    properties = cluster_folder / "spark.conf"
    log = f"-Dlog4j2.configurationFile={ROOT / 'conf' / 'log4j2-json.properties'}"
    # JVMs that live for seconds are not worth the second compiler.
    light = {f"spark.{end}.extraJavaOptions": f"{log} {LIGHT}" for end in ("driver", "executor")}
    light["spark.sql.shuffle.partitions"] = "2"
    light["spark.sql.codegen.wholeStage"] = "false"
    light["spark.sql.codegen.factoryMode"] = "NO_CODEGEN"
    light["spark.eventLog.compress"] = "false"  # for tests to read
    words = [word for key, value in light.items() for word in ("--conf", f"{key}={value}")]
    return [SUBMIT, "--properties-file", str(properties), *words]


@pytest.fixture(scope="session")
def on_cluster(submit: list[str], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse that the whole pipeline has filled on the cluster."""
    warehouse = Warehouse(tmp_path_factory.mktemp("on_cluster"))
    command = [*submit, "tests/all_stages.py", str(warehouse.root)]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    # spark-submit puts Python's stderr into its own stdout.
    assert done.returncode == 0, done.stdout[-5000:]
    return warehouse


@pytest.fixture(scope="session")
def local(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The same in this process, to compare with."""
    warehouse = Warehouse(tmp_path_factory.mktemp("local"))
    all_stages.run(spark, warehouse)
    return warehouse
