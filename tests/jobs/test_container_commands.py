"""The command lines of the image, without the image: those of compose.yaml, and Kubernetes' own.

What the image has at /opt/ymr_spark and /data lies elsewhere here, and the services' names are all
this machine's loopback; the words of each command are otherwise those that a container would run.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pyspark
import pytest
import raw_files
import yaml
from pyspark.sql import SparkSession

from ymr_spark.runtime import cluster

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(300)]
ROOT = Path(__file__).parent.parent.parent
ENTRYPOINT = str(ROOT / "docker" / "entrypoint.sh")
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())[
    "services"
]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def image(tmp_path: Path) -> dict[str, str]:
    """The folders of the image by their paths in it, filled."""
    found = {"/opt/ymr_spark": str(tmp_path / "ymr_spark"), "/data": str(tmp_path / "data")}
    home = tmp_path / "ymr_spark"
    home.mkdir()
    for name in ("conf", "jobs", "ymr_spark"):
        (home / name).symlink_to(ROOT / name)
    (home / "spark.conf").write_text(here((ROOT / "docker" / "spark.conf").read_text(), found))
    train, test = raw_files.ratings(users=12, per_user=30, seed=1)
    raw_files.write(tmp_path / "data" / "raw", b"".join(train), b"".join(test))
    return found


@pytest.fixture
def start(image: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts a command as a container would, its output to a file of that name."""
    names = ("localhost", "master", "submit", socket.gethostname())
    hosts = tmp_path / "hosts"
    hosts.write_text("".join(f"{cluster.HOST} {name}\n" for name in names))
    environ = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": cluster.HOST,
        "JAVA_TOOL_OPTIONS": f"-Djdk.net.hosts.file={hosts} -XX:TieredStopAtLevel=1",
        "PYTHONPATH": str(ROOT),
    }
    started = []

    def run(name: str, words: list[str], **own: str) -> subprocess.Popen[bytes]:
        command = [here(word, image) for word in words]
        command[0] = command[0].replace("entrypoint.sh", ENTRYPOINT)
        with (tmp_path / name).open("wb") as log:
            process = subprocess.Popen(
                command, cwd=image["/opt/ymr_spark"], env=environ | own, stdout=log, stderr=log
            )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def here(text: str, image: dict[str, str]) -> str:
    for path, place in image.items():
        text = text.replace(path, place)
    return text


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with socket.socket() as attempt:
            if attempt.connect_ex((cluster.HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"{process.args!r} ended with {process.returncode}")


def the_application(page: str) -> str:
    while True:
        # The master may open its page after its port.
        with suppress(OSError), urlopen(f"{page}/json/", timeout=5) as answer:
            if found := json.load(answer)["activeapps"]:
                return str(found[0]["id"])
        time.sleep(0.1)


def assert_ingested(log: Path) -> None:
    (line,) = [line for line in log.read_text().splitlines() if line.startswith('{"stage"')]
    assert json.loads(line)["status"] == "done"


def test_the_services_of_the_compose_file(
    start: Start, image: dict[str, str], tmp_path: Path
) -> None:
    secret = {"_SPARK_AUTH_SECRET": "known to all of them"}
    ports = {"master": 7077, "history": 18080}
    for name in ("master", "worker", "history"):
        service = start(name, ["entrypoint.sh", *SERVICES[name]["command"]], **secret)
        if name in ports:
            wait_for(ports[name], service)
    # The words of the compose file's head.
    job = ["jobs/ingest.py", "--conf", "conf/full.yaml"]
    job += ["--set", "warehouse=/data/full", "--set", "raw.folder=/data/raw"]
    submit = start("submit", [*SERVICES["submit"]["entrypoint"], *job], **secret)
    assert submit.wait() == 0, (tmp_path / "submit").read_text()[-3000:]
    assert_ingested(tmp_path / "submit")
    assert list((tmp_path / "data" / "events").iterdir())


def test_a_driver_and_an_executor_as_kubernetes_starts_them(
    spark: SparkSession, start: Start, image: dict[str, str], tmp_path: Path
) -> None:
    """A master without workers stands for the API server: the only executor is the image's."""
    # Those that Spark adds itself open Java's modules to Arrow.
    added = spark.conf.get("spark.executor.extraJavaOptions")
    assert added is not None
    options = [*added.split(), "-Dspark.authenticate=true"]
    page = cluster.up(tmp_path / "cluster", workers=0)["page"]
    own = (tmp_path / "cluster" / "spark.conf").read_text()
    with socket.create_server((cluster.HOST, 0)) as taken:
        port = taken.getsockname()[1]
    properties = tmp_path / "spark.properties"
    properties.write_text(f"{own}\nspark.driver.port {port}\n")
    secret = dict(line.split(None, 1) for line in own.splitlines() if line)[
        "spark.authenticate.secret"
    ]
    try:
        words = ["--properties-file", str(properties)]
        words += ["--class", "org.apache.spark.deploy.PythonRunner"]
        manifest = yaml.safe_load((ROOT / "docker" / "kubernetes" / "stage-76m.yaml").read_text())
        spec = manifest["spec"]
        words += [spec["mainApplicationFile"].removeprefix("local://"), *spec["arguments"]]
        driver = start(
            "driver", ["entrypoint.sh", "driver", *words], SPARK_DRIVER_BIND_ADDRESS=cluster.HOST
        )
        wait_for(port, driver)
        start(
            "executor",
            ["entrypoint.sh", "executor"],
            _SPARK_AUTH_SECRET=secret,
            **{f"SPARK_JAVA_OPT_{i}": option for i, option in enumerate(options)},
            SPARK_DRIVER_URL=f"spark://CoarseGrainedScheduler@{cluster.HOST}:{port}",
            SPARK_EXECUTOR_ID="1",
            SPARK_EXECUTOR_CORES="1",
            SPARK_EXECUTOR_MEMORY="1g",
            SPARK_APPLICATION_ID=the_application(page),
            SPARK_EXECUTOR_POD_IP=cluster.HOST,
            SPARK_EXECUTOR_POD_NAME="ingest-exec-1",
            SPARK_RESOURCE_PROFILE_ID="0",
        )
        assert driver.wait() == 0, (tmp_path / "driver").read_text()[-3000:]
        assert_ingested(tmp_path / "driver")
    finally:
        cluster.down(tmp_path / "cluster")
