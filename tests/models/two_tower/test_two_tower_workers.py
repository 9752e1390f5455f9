"""Several workers of a Spark barrier stage train one model together."""

import os
import signal
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import shard_files
import tensorflow as tf
import told
from pyspark.sql import SparkSession

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.models.two_tower import training, workers
from ymr_spark.models.two_tower.workers import Share
from ymr_spark.records.learning_curve import Curve
from ymr_spark.runtime import barrier
from ymr_spark.shards.inventory import Inventory

SETTINGS: dict[str, Any] = {
    "network": "dot",
    "seed": 1,
    "dimension": 2,
    "attributes": (),
    "l2": 32.0,
    "batch_size": 256,
    "stall_seconds": 60,
    "learning_rate": 2.0,
    "max_epochs": 8,
    "patience": 8,
    "tolerance": 0.0,
}


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Inventory]:
    """Users and songs with offsets and one taste, 100 x 90 rows of which a tenth is held out."""
    random = np.random.default_rng(3)
    stars = 3 + random.normal(0, 0.7, (100, 1)) + random.normal(0, 0.7, 90)
    stars += random.normal(0, 0.8, (100, 1)) * random.normal(0, 0.8, 90)
    user, song = np.divmod(random.permutation(9000), 90)
    rows = np.c_[user + 1, song + 1, np.clip(np.rint(stars[user, song]), 1, 5)].astype(int)
    folder = tmp_path_factory.mktemp("shards")
    return folder, shard_files.write(folder, {"train": rows[901:], "validation": rows[:901]})


def train(
    spark: SparkSession, shards: tuple[Path, Inventory], folder: Path, **changed: Any
) -> None:
    folder.mkdir()
    placed: dict[str, Any] = {"shards": shards[0], "contents": shards[1], "checkpoints": folder}
    barrier.run(spark, 2, partial(workers.work, **placed, **SETTINGS | changed))


def fit(shards: tuple[Path, Inventory], folder: Path, **changed: Any) -> Curve:
    placed: dict[str, Any] = {"shards": shards[0], "contents": shards[1], "checkpoints": folder}
    return training.fit(**placed, **SETTINGS | changed)[1]


@pytest.mark.cluster
def test_two_workers_learn_what_one_learns(
    spark: SparkSession, shards: tuple[Path, Inventory], tmp_path: Path
) -> None:
    train(spark, shards, tmp_path / "two")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "two").iterdir()}
    two = fit(shards, tmp_path / "two")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "two").iterdir()} == before
    one = fit(shards, tmp_path / "one")
    assert len(two) == len(one) == SETTINGS["max_epochs"]
    assert two[-1].validation_mse == pytest.approx(one[-1].validation_mse, rel=0.05)
    assert two[-1].train_mse == pytest.approx(one[-1].train_mse, rel=0.05)
    assert told.known(one[-1].validation_mse) < 0.6 * told.known(one[0].train_mse)


@pytest.mark.cluster
def test_a_step_of_two_workers_is_that_of_one(
    spark: SparkSession, shards: tuple[Path, Inventory], tmp_path: Path
) -> None:
    """An epoch is one batch of all rows, so that their order does not count."""
    whole: dict[str, Any] = {"batch_size": 20_000, "max_epochs": 4}
    train(spark, shards, tmp_path / "two", **whole)
    two, one = fit(shards, tmp_path / "two", **whole), fit(shards, tmp_path / "one", **whole)
    for mine, single in zip(two, one, strict=True):
        assert mine.validation_mse == pytest.approx(single.validation_mse, rel=1e-4)
        assert mine.train_mse == pytest.approx(single.train_mse, rel=1e-4)


def worker_processes() -> list[psutil.Process]:
    """Processes that train; those that end while they are looked at are left out."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any("spawn_main" in word for word in process.cmdline()):
                found.append(process)
    return found


def curve_in(folder: Path) -> str:
    """The learning curve in the last checkpoint, as text; none while it is being written."""
    last = tf.train.latest_checkpoint(str(folder))
    if last is None:
        return "[]"
    try:
        curve = tf.train.load_checkpoint(last).get_tensor("progress/.ATTRIBUTES/VARIABLE_VALUE")
    except (tf.errors.OpError, RuntimeError):
        return "[]"
    return str(curve.decode())


@pytest.mark.cluster
def test_a_worker_that_dies(
    spark: SparkSession, shards: tuple[Path, Inventory], tmp_path: Path
) -> None:
    """Spark ends the others and starts all again; they go on after the last checkpoint."""
    folder = tmp_path / "killed"
    kept = []

    def kill_one() -> None:
        while (curve := curve_in(folder)) == "[]":
            time.sleep(0.01)
        os.kill(worker_processes()[0].pid, signal.SIGKILL)
        kept.append(curve)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    train(spark, shards, folder)
    killer.join(timeout=1)
    assert kept
    assert curve_in(folder).startswith(kept[0].removesuffix("]"))
    assert len(fit(shards, folder)) == SETTINGS["max_epochs"]
    assert not worker_processes()


def test_all_workers_take_equally_many_steps(shards: tuple[Path, Inventory]) -> None:
    shares = [Share(worker, 2, *shards, ("rating",), 256, stall_seconds=60) for worker in (0, 1)]
    # 8099 train rows in four row groups, the last a row smaller: 4050 and 4049 rows.
    assert [share.steps() for share in shares] == [32, 32]
    assert [share.trained_rows() for share in shares] == [4050, 4049]
    found = [[len(batch["rating"]) for batch in s.batches("train", 1)] for s in shares]
    assert [sum(sizes) for sizes in found] == [4050, 4049]
    assert {len(sizes) for sizes in found} == {32}
    held_out = [sum(len(b["rating"]) for b in s.batches("validation")) for s in shares]
    assert sum(held_out) == 901


def test_more_workers_than_cores(spark: SparkSession) -> None:
    with pytest.raises(EnvironmentProblem, match="3 workers need a core each, the cluster has 2"):
        barrier.run(spark, 3, print)
