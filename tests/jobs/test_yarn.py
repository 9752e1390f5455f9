"""Stages on YARN in cluster mode: their drivers in containers, warehouse and raw files on HDFS."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pyspark
import pytest
import wheels
from servers.hadoop import Hadoop

from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.store import locations
from ymr_spark.store.locations import Location
from ymr_spark.store.remote import Remote

pytestmark = [pytest.mark.slow, pytest.mark.yarn, pytest.mark.timeout(1200)]
ROOT = Path(__file__).parent.parent.parent
SPARK = Path(pyspark.__file__).parent
EXAMPLE = ROOT / "conf" / "examples" / "yarn-76m-spark.conf"
LIGHT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
# The example on a node of 4 GB, whose Python, Spark and JARs are this environment's.
OWN = {
    "spark.yarn.jars": f"local:{SPARK}/jars/*",
    **{"spark.driver.cores": "1", "spark.executor.cores": "1", "spark.executor.instances": "1"},
    **{"spark.driver.memory": "700m", "spark.driver.memoryOverhead": "500m"},
    **{"spark.executor.memory": "512m", "spark.executor.memoryOverhead": "500m"},
    **{"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2"},
    **{"spark.pyspark.python": sys.executable},
}
SHIPPED = ("spark.yarn.dist.archives", "spark.yarn.appMasterEnv.PYSPARK_PYTHON")
PLANTED = {"planted.users": 60, "planted.songs": 150, "planted.train_ratings": 3000}
# What drivers and executors of ingest import, below what YARN brings.
PACKAGES = (
    *("numpy", "scipy", "pyarrow", "pandas", "python-dateutil", "pytz", "tzdata", "six", "psutil"),
    *("deltalake", "arro3-core", "deprecated", "wrapt", "pydantic", "pydantic-core", "pyyaml"),
    *("annotated-types", "typing-extensions", "typing-inspection", "fsspec", "hdfs-native"),
)


class Yarn:
    """Submits jobs to it."""

    def __init__(self, hadoop: Hadoop, folder: Path) -> None:
        self.hadoop, self.folder = hadoop, folder
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYSPARK", "SPA"))}
        self.environ |= hadoop.environ | {"SPARK_HOME": str(SPARK)}

    def submit(self, **properties: str) -> list[str]:
        """The command before a job's script."""
        lines = [line.split(None, 1) for line in EXAMPLE.read_text().splitlines()]
        own = {key: value for key, value in lines if key.startswith("spark.")} | OWN
        for key in (*SHIPPED, "spark.jars.packages"):
            del own[key]
        for end in ("driver", "executor"):
            own[f"spark.{end}.extraJavaOptions"] += f" {LIGHT}"
        for end in ("yarn.appMasterEnv", "executorEnv"):
            own[f"spark.{end}.PYTHONPATH"] = str(ROOT)
            own[f"spark.{end}.HADOOP_CONF_DIR"] = str(self.hadoop.conf)
        own |= properties
        conf = self.folder / f"spark-{len(list(self.folder.glob('*.conf')))}.conf"
        conf.write_text("".join(f"{key} {value}\n" for key, value in own.items()))
        return [f"{SPARK}/bin/spark-submit", "--properties-file", str(conf)]

    def pipeline(
        self, root: object, *arguments: str, submit: list[str] | None = None, **settings: object
    ) -> subprocess.CompletedProcess[str]:
        told = {"warehouse": root, "raw.folder": f"{root}/raw", "models": "[constant,bias]"}
        told |= PLANTED | settings
        if submit is not None:
            told |= {"spark_submit": json.dumps(submit), "one_jvm": False, "one_process": False}
        command = [sys.executable, "jobs/pipeline.py", "--conf", "conf/sample.yaml", *arguments]
        command += [word for key, value in told.items() for word in ("--set", f"{key}={value}")]
        return subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True)

    def attempts(self) -> dict[str, int]:
        """Drivers that were started of each application."""
        found: dict[str, int] = {}
        for container in (self.hadoop.conf.parent / "containers").glob("application_*/*_000001"):
            found[container.parent.name] = found.get(container.parent.name, 0) + 1
        return found


@pytest.fixture(scope="module")
def yarn(yarn_server: Hadoop, tmp_path_factory: pytest.TempPathFactory) -> Yarn:
    return Yarn(yarn_server, tmp_path_factory.mktemp("submitted"))


def splits(root: Location) -> Any:
    (told,) = locations.matching(root, "runs/*/ingest.json")
    return json.loads(told.read_bytes())["splits"]


def biases(root: Location) -> pd.DataFrame:
    return Warehouse(root).load("bias_users").to_pandas().sort_values("user_id", ignore_index=True)


def end_the_first_executor(done: threading.Event, ended: list[int]) -> None:
    """By kill -9, a moment after it has started."""
    while not done.wait(0.1):
        for process in psutil.process_iter(["pid", "name", "cmdline"]):
            words = process.info["cmdline"] or []
            if process.info["name"] == "java" and any(
                "YarnCoarseGrainedExecutorBackend" in word for word in words
            ):
                time.sleep(1)
                process.kill()
                ended.append(process.info["pid"])
                return


def test_the_pipeline_in_cluster_mode(yarn: Yarn, tmp_path: Path) -> None:
    """An executor that is killed on the way changes nothing."""
    local = yarn.pipeline(tmp_path / "local", "--until", "train_bias")
    assert local.returncode == 0, local.stderr[-5000:]
    root = Remote.of(f"{yarn.hadoop.url}/cluster")
    before, done, ended = yarn.attempts(), threading.Event(), list[int]()
    killer = threading.Thread(target=end_the_first_executor, args=(done, ended))
    killer.start()
    there = yarn.pipeline(root, "--until", "train_bias", submit=yarn.submit())
    done.set()
    killer.join()
    assert there.returncode == 0, there.stderr[-5000:]
    assert ended
    assert splits(root) == splits(tmp_path / "local")
    pd.testing.assert_frame_equal(biases(root), biases(tmp_path / "local"))
    started = {app: n for app, n in yarn.attempts().items() if app not in before}
    # generate_r2, ingest, pack, summarize, and one for both models.
    assert [*started.values()] == [1] * 5


def test_a_job_that_cannot_run_runs_once_and_says_why(yarn: Yarn) -> None:
    root, before = Remote.of(f"{yarn.hadoop.url}/nothing"), yarn.attempts()
    failed = yarn.pipeline(root, submit=yarn.submit(), **{"raw.source": "folder"})
    assert failed.returncode == 3
    told = json.loads(failed.stdout.splitlines()[-1])["error"]
    assert told.startswith("stage ingest failed with exit code 3: ")
    # What the driver said in its container.
    assert "give R2's files by raw.folder=DIR" in told
    started = {app: n for app, n in yarn.attempts().items() if app not in before}
    assert [*started.values()] == [1]


def test_a_packed_environment(yarn: Yarn, tmp_path: Path) -> None:
    """Nodes have Python and nothing else; the driver is on one of them."""
    (tmp_path / "wheel").mkdir()
    wheel = wheels.build(tmp_path / "wheel")
    archive = wheels.packed(tmp_path, wheel, *PACKAGES)
    shipped = {
        "spark.pyspark.python": "environment/bin/python",
        **dict(zip(SHIPPED, (f"{archive}#environment", "environment/bin/python"), strict=True)),
        **{f"spark.{end}.PYTHONPATH": "" for end in ("yarn.appMasterEnv", "executorEnv")},
    }
    root = Remote.of(f"{yarn.hadoop.url}/packed")
    done = yarn.pipeline(root, "--until", "ingest", submit=yarn.submit(**shipped))
    assert done.returncode == 0, done.stderr[-5000:]
    assert splits(root)["train"]["rows"] > 0
