"""Training by epochs: early stopping, a checkpoint after each, the same weights after a kill."""

import logging
import math
import sys
import time
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ymr_spark import seeds
from ymr_spark.models.two_tower import priors
from ymr_spark.models.two_tower.deep_cross import CrossTowers
from ymr_spark.models.two_tower.dot import DotTowers
from ymr_spark.models.two_tower.joint import JointTowers
from ymr_spark.models.two_tower.mlp import MlpTowers
from ymr_spark.models.two_tower.newton import Newton
from ymr_spark.models.two_tower.progress import Progress, assign, optimizer_of
from ymr_spark.models.two_tower.retrieval import RetrievalTowers
from ymr_spark.models.two_tower.towers import Towers
from ymr_spark.records.learning_curve import Curve, Point
from ymr_spark.shards import counts
from ymr_spark.shards.inventory import Inventory
from ymr_spark.shards.reader import dataset, stalls_explained
from ymr_spark.store import scratch
from ymr_spark.store.locations import Location

log = logging.getLogger(__name__)
# Returning to Python after each step costs half the time.
STEPS_AT_ONCE = 32
_STEPS_WORTH_COMPILING = 4_096


NETWORKS = {
    "dot": DotTowers,
    "mlp": MlpTowers,
    "cross": CrossTowers,
    "retrieval": RetrievalTowers,
    "joint": JointTowers,
}


def fit(
    network: str,
    shards: Location,
    contents: Inventory,
    checkpoints: Location,
    *,
    seed: int,
    batch_size: int,
    stall_seconds: float,
    learning_rate: float,
    max_epochs: int,
    patience: int,
    tolerance: float,
    **form: Any,
) -> tuple[Towers, Curve]:
    """Train on a verified folder of shards; the same seed gives the same weights on a CPU.

    TensorFlow's operations are made deterministic, for the whole process.

    Raises:
        EnvironmentProblem: the shards did not come in time.

    Args:
        network: one of `NETWORKS`.
        contents: of the folder, as `inventory.verify` returned them.
        checkpoints, learning_rate, max_epochs, patience, tolerance: as for `train`.
        form: what else the network's class takes.
    """
    tf.config.experimental.enable_op_determinism()
    tf.keras.backend.clear_session()
    shards = scratch.brought(shards)
    model = build(network, shards, contents, seed=seed, **form)
    source: dict[str, Any] = {"batch_size": batch_size, "stall_seconds": stall_seconds}

    def batches(split: str, seeded: int | None) -> tf.data.Dataset:
        columns = (*model.features, "rating")
        return dataset(shards, contents, split, columns, seed=seeded, **source)

    with stalls_explained():
        curve = train(
            model,
            lambda epoch: batches("train", order(seed, epoch)),
            batches("validation", None) if "validation" in contents.splits else None,
            checkpoints,
            learning_rate=learning_rate,
            max_epochs=max_epochs,
            patience=patience,
            tolerance=tolerance,
        )
    return model, curve


def train(
    model: Towers,
    epoch_batches: Callable[[int], tf.data.Dataset],
    validation: tf.data.Dataset | None,
    checkpoints: Location,
    *,
    learning_rate: float,
    max_epochs: int,
    patience: int,
    tolerance: float,
) -> Curve:
    """Fit until `patience` epochs brought no gain in validation error; keep the best.

    Continues after the last checkpoint in the folder; the weights are then those of a training
    that was never interrupted.

    Args:
        epoch_batches: the train batches of an epoch, counted from 0.
        validation: None to train for all epochs and keep the last.
        checkpoints: a folder of this very training: same model, batches and settings.
        learning_rate: as for `Newton`.
        tolerance: what an epoch must gain to count, in stars squared or nats.

    Returns:
        One point per epoch; its train error is the running one.
    """
    kept = Progress(model, checkpoints, learning_rate)
    steps = int(epoch_batches(0).cardinality())
    compile_with(kept.optimizer, model, max_epochs * steps)
    while kept.goes_on(max_epochs, patience, tolerance):
        epoch = len(kept.curve)
        if epoch:
            settle(model, kept.optimizer, kept.curve)
        kept.record(_epoch(model, epoch_batches(epoch), validation, epoch))
    assign(kept.state, kept.best)
    return kept.curve


def update(
    chosen: Towers,
    epochs: int,
    network: str,
    shards: Location,
    contents: Inventory,
    *,
    seed: int,
    batch_size: int,
    stall_seconds: float,
    learning_rate: float,
    **form: Any,
) -> Towers:
    """What `fit` has trained, gone on with by a few epochs over the validation rows alone.

    Newton steps make of these rows about what they would have made of them among the others: the
    optimiser goes on from the curvature that those have left.

    Args:
        chosen: as `fit` returned it, for the same folder and settings, after so many `epochs`.
        contents: with the validation rows.
    """
    everything, shards = contents.with_validation(), scratch.brought(shards)
    model = build(network, shards, everything, seed=seed, **form)
    optimizer = optimizer_of(model, learning_rate)
    assign(model.learnt, chosen.learnt)
    assign(optimizer.variables, chosen.optimizer.variables)
    source: dict[str, Any] = {"batch_size": batch_size, "stall_seconds": stall_seconds}
    columns = (*model.features, "rating")
    added, further = contents.only_validation(), model.further_epochs(epochs, learning_rate)
    compile_with(optimizer, model, further * ceil(added.splits["train"].rows / batch_size))
    for epoch in range(further):
        batches = dataset(shards, added, "train", columns, seed=order(seed, epoch), **source)
        with stalls_explained():
            model.fit(batches, verbose=0)
    return model


def build(network: str, shards: Path, contents: Inventory, *, seed: int, **form: Any) -> Towers:
    """The untrained model for these shards, the same for the same seed."""
    ratings = counts.of_indices(shards, contents)
    mean = contents.splits["train"].mean_rating
    model: Towers = NETWORKS[network](ratings, mean, contents.scale, seed=seed, **form)
    return model


def compile_with(optimizer: Newton, model: Towers, steps: int) -> None:
    """Make the model ready for `fit`, which may take so many steps."""
    optimizer.compiled = worthwhile(steps)
    compiled = optimizer.compiled and model.compiled
    model.compile(optimizer, steps_per_execution=STEPS_AT_ONCE, jit_compile=compiled)


def worthwhile(steps: int) -> bool:
    """Whether XLA, which compiles a step for some seconds, gains more in so many."""
    return steps >= _STEPS_WORTH_COMPILING


def settle(model: Towers, optimizer: Newton, curve: Curve) -> None:
    """Learn from the epochs so far what the next one begins with, unless the model has diverged."""
    if not all(np.isfinite(table.table.numpy()).all() for table in model.tables):
        return
    model.expect_error(curve[-1].train_mse)
    model.turn(optimizer)
    for table in model.tables:
        priors.learn(table, optimizer, len(curve))


def order(seed: int, epoch: int) -> int:
    """The seed of an epoch's order of rows."""
    return seeds.of(seed, epoch)


def _epoch(
    model: Towers, batches: tf.data.Dataset, validation: tf.data.Dataset | None, epoch: int
) -> Point:
    started = time.monotonic()
    shown = model.fit(
        batches,
        initial_epoch=epoch,
        epochs=epoch + 1,
        verbose="auto" if sys.stdout.isatty() else 0,
    )
    judged = None if validation is None else mean(*model.error(validation))
    return point(epoch, model, float(shown.history[model.judged_by][0]), judged, started)


def mean(total: float, rows: float) -> float:
    """NaN of no rows."""
    return total / rows if rows else math.nan


def point(
    epoch: int, model: Towers, train: float, validation: float | None, started: float
) -> Point:
    """The curve's point of an epoch, counted from 0, that began at that monotonic time."""
    seconds = round(time.monotonic() - started, 2)
    log.info("epoch %d: train %.4f, validation %s", epoch + 1, train, _shown(validation))
    errors: dict[str, float | None] = {"train_mse": None, "validation_mse": None}
    errors |= {f"train_{model.judged_by}": train, f"validation_{model.judged_by}": validation}
    return Point(epoch=epoch + 1, seconds=seconds, **errors)


def _shown(error: float | None) -> str:
    return "none" if error is None else f"{error:.4f}"
