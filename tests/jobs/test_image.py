"""The image in the cluster of docker/compose.yaml: `make test-image`, which asks for Docker."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tables import assert_same_tables

from ymr_spark.pipeline.warehouse import Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.image, pytest.mark.timeout(1800)]
ROOT = Path(__file__).parent.parent.parent
FILES = (ROOT / "docker" / "compose.yaml", ROOT / "tests" / "compose.yaml")
# A tiny job in the memory of a laptop; an event log that can be read.
LIGHT = {
    **{f"spark.{end}.memory": "1g" for end in ("driver", "executor")},
    **{"spark.sql.shuffle.partitions": "2", "spark.eventLog.compress": "false"},
}


def docker(*words: object) -> str:
    done = subprocess.run(["docker", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Compose:
    """The services under a project name of their own."""

    def __init__(self) -> None:
        name = f"ymr_spark_{secrets.token_hex(4)}"
        files = [word for path in FILES for word in ("--file", str(path))]
        self.words = ["compose", "--project-name", name, *files]

    def __call__(self, *words: str) -> list[str]:
        return docker(*self.words, *words).split()

    def submit(self, log: Path, *words: str) -> subprocess.Popen[bytes]:
        light = [word for key, value in LIGHT.items() for word in ("--conf", f"{key}={value}")]
        command = ["docker", *self.words, "run", "--rm", "--no-TTY", "submit", *light, *words]
        with log.open("wb") as output:
            return subprocess.Popen(command, stdout=output, stderr=output)


@pytest.fixture
def compose(monkeypatch: pytest.MonkeyPatch) -> Iterator[Compose]:
    monkeypatch.setenv("YMR_SPARK_SECRET", secrets.token_hex(32))
    services = Compose()
    try:
        services("up", "--detach", "--no-build", "--quiet-pull")
        yield services
    finally:
        services("down", "--volumes", "--remove-orphans", "--timeout", "1")


def kill_at_work(worker: str, driver: subprocess.Popen[bytes], after: str) -> None:
    """Kill the container while Python runs a task in it, once the warehouse has that file."""
    exists = ["docker", "exec", worker, "test", "-e", f"/data/warehouse/{after}"]
    while subprocess.run(exists).returncode or "pyspark.daemon" not in docker("top", worker):
        assert driver.poll() is None
        time.sleep(0.1)
    docker("kill", worker)


def test_the_same_tables_as_in_local_mode(
    spark: SparkSession, local: Warehouse, compose: Compose, tmp_path: Path
) -> None:
    """Though one of the two workers is killed on the way."""
    driver = compose.submit(tmp_path / "log", "tests/all_stages.py", "/data/warehouse")
    worker, other = compose("ps", "--quiet", "worker")
    kill_at_work(worker, driver, after="runs/all/ingest.json")
    assert driver.wait() == 0, (tmp_path / "log").read_text()[-5000:]
    docker("cp", f"{other}:/data", tmp_path)
    events = [path.read_text() for path in tmp_path.glob("data/events/*/events_*")]
    assert any('"SparkListenerExecutorRemoved"' in text for text in events)
    assert_same_tables(spark, local, Warehouse(tmp_path / "data" / "warehouse"))
