"""The pipeline with its warehouse and raw files in S3 and on HDFS: the same as on a disk."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from servers.hadoop import Hadoop
from servers.s3 import S3Server
from tables import assert_same_tables

from ymr_spark.errors import WarehouseLocked
from ymr_spark.models import registry
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.store import lease, locations, scratch
from ymr_spark.store.locations import Location

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
ROOT = Path(__file__).parent.parent.parent
SETTINGS = {
    **{"planted.users": 120, "planted.songs": 150, "planted.train_ratings": 6000},
    **{f"{e.name}.max_epochs": 2 for e in registry.MODELS if e.deep},
    **{f"{e.name}.batch_size": 512 for e in registry.MODELS if e.deep},
    **{"als.iterations": 3, "latent_factor.max_iterations": 3, "recommend.k": 5},
    **{"tune.trials": 2, "tune.least_ratings": 1000, "recommend.export": "csv"},
    **{"search.model": "als", "search.sample_ratings": 2000, "search.folds": 2},
    **{"search.trials": 2, "compare_by_size.shares": "[0.5]"},
    # One of each kind; `similarity` and layers of `mlp` take long to compile.
    "models": "[bias,als,latent_factor,most_popular,two_tower_dot]",
    "spark_defaults": ROOT / "tests" / "spark.conf",
}


def command(job: str, root: str, *arguments: str) -> list[str]:
    """A job in a warehouse, raw files beside the tables."""
    settings = SETTINGS | {"warehouse": root, "raw.folder": f"{root}/raw"}
    words = [sys.executable, f"jobs/{job}.py", "--conf", "conf/sample.yaml"]
    words += [w for key, value in settings.items() for w in ("--set", f"{key}={value}")]
    return [*words, *arguments]


def run(job: str, root: str, environ: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """The last line that it prints."""
    words, whole = command(job, root, *arguments), os.environ | environ
    run = subprocess.run(words, cwd=ROOT, env=whole, text=True, capture_output=True)
    told: dict[str, Any] = json.loads(run.stdout.splitlines()[-1]) if run.stdout else {}
    assert run.returncode == 0, (run.stdout + run.stderr)[-5000:]
    return told


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("on-disk")
    run("pipeline", str(root), {})
    return root


def board(root: Location) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "reports/leaderboard.json").read_bytes())
    return found


def assert_same(spark: SparkSession, one: Path, other: Location) -> None:
    """Rows, errors and every table are; nothing of the store's keys is in a file."""
    left, right = board(one), board(other)
    hashes = ("train_rows", "train_hash", "test_rows", "test_hash")
    assert [left[key] for key in hashes] == [right[key] for key in hashes]
    for judged in ("models", "lists"):
        names = [[model["name"] for model in found[judged]] for found in (left, right)]
        assert names[0] == names[1]
    errors = [{model["name"]: model["mse"] for model in found["models"]} for found in (left, right)]
    assert errors[0] == pytest.approx(errors[1], abs=1e-4)
    assert_same_tables(spark, Warehouse(one), Warehouse(scratch.brought(other)))


def assert_whole(root: Location, environ: Mapping[str, str]) -> None:
    """A second run finds all up to date, and no file has a key of the store's."""
    run("pipeline", str(root), environ, "--run-id", "again")
    assert not locations.files(root / "runs/again")
    assert locations.matching(root, "recommendations.csv/*.csv")
    secrets = [value for name, value in environ.items() if "KEY" in name]
    texts = [f for f in locations.files(root) if f.suffix in (".json", ".html", ".yaml")]
    assert len(texts) > 10
    for file in texts:
        content = file.read_text()
        assert not any(secret in content for secret in secrets), file


def assert_same_beside_the_pipeline(
    spark: SparkSession, whole: Path, one: Path, other: Location
) -> None:
    """What jobs that are no stages make of the whole warehouse: on a disk and in a store."""
    without_lock = shutil.ignore_patterns("run.lock")  # a folder in a store
    shutil.copytree(whole, one)
    with scratch.filled(other) as folder:
        shutil.copytree(whole, folder, ignore=without_lock, dirs_exist_ok=True)
    stars = []
    for root in (one, other):
        run("search", str(root), {})
        run("compare_by_size", str(root), {})
        told = run("predict", str(root), {}, "--user", "7", "--song", "11")
        stars.append(told["predictions"][0]["stars"])
    assert len(stars[0]) == 4
    assert stars[0] == pytest.approx(stars[1], abs=1.1e-4)
    assert_same_tables(spark, Warehouse(one), Warehouse(scratch.brought(other)))


@pytest.fixture
def in_environ(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.environ.items():
        monkeypatch.setenv(name, value)


@pytest.mark.s3
def test_in_s3(spark: SparkSession, on_disk: Path, s3_server: S3Server, in_environ: None) -> None:
    root = f"s3://{s3_server.bucket}/ware house"
    run("pipeline", root, {})
    assert_same(spark, on_disk, locations.of(root))
    assert_whole(locations.of(root), s3_server.environ)


@pytest.mark.s3
def test_a_driver_killed_between_two_commits(
    on_disk: Path, s3_server: S3Server, in_environ: None, tmp_path: Path
) -> None:
    root = locations.of(f"s3://{s3_server.bucket}/killed")
    killed = subprocess.Popen(command("pipeline", str(root)), cwd=ROOT, start_new_session=True)
    first = root / "tables/ratings/_delta_log/00000000000000000000.json"
    while not first.exists():
        assert killed.poll() is None
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    elsewhere = {"SPARK_LOCAL_DIRS": str(tmp_path / "elsewhere")}
    at_once = subprocess.run(command("pipeline", str(root)), cwd=ROOT, env=os.environ | elsewhere)
    assert at_once.returncode == WarehouseLocked.exit_code
    time.sleep(lease.LEASE_SECONDS)
    run("pipeline", str(root), elsewhere, "--until", "pack")
    one, other = Warehouse(on_disk), Warehouse(root)
    for table in ("ratings", "quarantine", "songs", "genres", "packed_by_user"):
        rows = [sorted(w.load(table).to_pylist(), key=repr) for w in (one, other)]
        assert rows[0] == rows[1], table


@pytest.mark.s3
def test_jobs_beside_the_pipeline_in_s3(
    spark: SparkSession, on_disk: Path, s3_server: S3Server, in_environ: None, tmp_path: Path
) -> None:
    other = locations.of(f"s3://{s3_server.bucket}/beside")
    assert_same_beside_the_pipeline(spark, on_disk, tmp_path / "w", other)


@pytest.mark.s3
def test_two_training_workers(
    spark: SparkSession, s3_server: S3Server, in_environ: None, tmp_path: Path
) -> None:
    two = ("--set", "two_tower.workers=2", "--set", "models=[bias,two_tower_dot]")
    roots = (tmp_path / "w", locations.of(f"s3://{s3_server.bucket}/two"))
    for root in roots:
        run("pipeline", str(root), {}, *two, "--until", "evaluate")
    one, other = roots
    assert_same_tables(spark, Warehouse(one), Warehouse(scratch.brought(other)))


@pytest.mark.yarn
def test_on_hdfs(spark: SparkSession, on_disk: Path, hdfs_server: Hadoop) -> None:
    root = f"{hdfs_server.url}/warehouse"
    run("pipeline", "hdfs:///warehouse", hdfs_server.environ)
    assert_same(spark, on_disk, locations.of(root))
    assert_whole(locations.of(root), {})


@pytest.mark.yarn
def test_jobs_beside_the_pipeline_on_hdfs(
    spark: SparkSession, on_disk: Path, hdfs_server: Hadoop, tmp_path: Path
) -> None:
    other = locations.of(f"{hdfs_server.url}/beside")
    assert_same_beside_the_pipeline(spark, on_disk, tmp_path / "w", other)
