"""One of several workers that train a two-tower model together, each on shards of its own.

All hold the same weights (MultiWorkerMirroredStrategy). A step takes a part of the batch from
each worker, adds up the gradients and applies the sum everywhere: the step of a single process
with the whole batch.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import tensorflow as tf

from ymr_spark.models.two_tower import training
from ymr_spark.models.two_tower.newton import Newton
from ymr_spark.models.two_tower.progress import Progress, assign, optimizer_of
from ymr_spark.models.two_tower.towers import Towers
from ymr_spark.shards.inventory import Inventory
from ymr_spark.shards.reader import dataset
from ymr_spark.store import scratch
from ymr_spark.store.locations import Location


def work(
    worker: int,
    addresses: list[str],
    *,
    network: str,
    shards: Location,
    contents: Inventory,
    checkpoints: Location,
    seed: int,
    batch_size: int,
    stall_seconds: float,
    learning_rate: float,
    max_epochs: int,
    patience: int,
    tolerance: float,
    **form: Any,
) -> None:
    """Train to the end from the last checkpoint; `training.fit` goes on from there.

    Args:
        worker, addresses: this one's number, and host:port of all.
        batch_size: of a step, over all workers.
        shards, checkpoints: folders that all share; the first worker writes there after each epoch.
    """
    strategy, shards = _joined(worker, addresses), scratch.brought(shards)
    kept = Progress(
        training.build(network, shards, contents, seed=seed, **form), checkpoints, learning_rate
    )
    columns = (*kept.model.features, "rating")
    share = Share(worker, len(addresses), shards, contents, columns, batch_size, stall_seconds)
    with strategy.scope():
        model = training.build(network, shards, contents, seed=seed, **form)
        optimizer = optimizer_of(model, learning_rate)
    mirrored = [*model.learnt, *optimizer.variables]
    plain = [*kept.model.learnt, *kept.optimizer.variables]
    optimizer.compiled = training.worthwhile(max_epochs * share.steps())
    step = _step(strategy, model, optimizer)
    while kept.goes_on(max_epochs, patience, tolerance):
        started, epoch = time.monotonic(), len(kept.curve)
        if epoch:
            training.settle(kept.model, kept.optimizer, kept.curve)
        assign(mirrored, plain)
        found = [step(batch) for batch in share.batches("train", training.order(seed, epoch))]
        assign(plain, mirrored)
        judged = "validation" in contents.splits
        errors = kept.model.error(share.batches("validation")) if judged else (0.0, 0)
        trained = sum(map(float, found)), share.trained_rows()
        sums = _summed(strategy, *trained, *errors)
        means = training.mean(*sums[:2]), training.mean(*sums[2:]) if judged else None
        kept.record(training.point(epoch, kept.model, *means, started), save=worker == 0)


@dataclass(frozen=True)
class Share:
    """The rows of one worker: every n-th row group. All take equally many train steps."""

    worker: int
    workers: int
    shards: Path
    contents: Inventory
    columns: tuple[str, ...]
    batch_size: int
    stall_seconds: float

    def steps(self) -> int:
        """Of an epoch; what a worker has beyond the fewest rows of any is left out."""
        return ceil(min(map(self._rows, range(self.workers))) / self._part())

    def trained_rows(self) -> int:
        """That this worker sees in an epoch."""
        return min(self._rows(self.worker), self.steps() * self._part())

    def batches(self, split: str, order: int | None = None) -> tf.data.Dataset:
        """The train batches of all steps in a seeded order, or all rows of another split."""
        mine = dataset(
            self.shards,
            self.contents,
            split,
            self.columns,
            batch_size=self._part(),
            seed=order,
            shard=(self.worker, self.workers),
            stall_seconds=self.stall_seconds,
        )
        return mine.take(self.steps()) if split == "train" else mine

    def _part(self) -> int:
        return max(1, self.batch_size // self.workers)

    def _rows(self, worker: int) -> int:
        groups = sorted(self.contents.splits["train"].row_groups.items())
        return sum(rows for _, rows in groups[worker :: self.workers])


def _joined(worker: int, addresses: list[str]) -> tf.distribute.Strategy:
    task = {"type": "worker", "index": worker}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
    tf.config.experimental.enable_op_determinism()
    return tf.distribute.MultiWorkerMirroredStrategy()


def _step(
    strategy: tf.distribute.Strategy, model: Towers, optimizer: Newton
) -> Callable[[dict[str, tf.Tensor]], tf.Tensor]:
    """A step of all workers, given this one's part; the part's sum of errors."""

    @tf.function(jit_compile=optimizer.compiled and model.compiled)  # type: ignore[untyped-decorator]
    def gradients_of(batch: dict[str, tf.Tensor]) -> tuple[list[Any], tf.Tensor]:
        with tf.GradientTape() as tape:
            loss, error = model.sums(batch)
        return tape.gradient(loss, model.trainable_variables), error

    def replica(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        gradients, error = gradients_of(batch)
        # The optimiser adds up the workers' gradients: the sum is the whole batch's.
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return error

    return tf.function(lambda batch: strategy.run(replica, args=(batch,)))  # type: ignore[no-any-return]


def _summed(strategy: tf.distribute.Strategy, *values: float) -> list[float]:
    """Each value added up over all workers, the same sums at each of them."""

    def replica(mine: tf.Tensor) -> tf.Tensor:
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, mine)

    sums: list[float] = strategy.run(replica, args=(tf.constant(values, tf.float64),)).numpy()
    return list(sums)
