"""Training by epochs: early stopping, a checkpoint after each, the same weights after a kill."""

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from ymr_spark.models.two_tower import FEATURES, TwoTowerDot, squared_error
from ymr_spark.shards.manifest import Manifest
from ymr_spark.shards.reader import dataset

log = logging.getLogger(__name__)
Curve = list[dict[str, Any]]
CHECKPOINTS_KEPT = 2
_EPOCHS_A_SEED = 10_000


def fit(
    shards: Path,
    contents: Manifest,
    checkpoints: Path,
    *,
    seed: int,
    dimension: int,
    l2: float,
    batch_size: int,
    stall_seconds: float,
    **optimisation: Any,
) -> tuple[TwoTowerDot, Curve]:
    """Train on a verified folder of shards; the same seed gives the same weights on a CPU.

    TensorFlow's operations are made deterministic, for the whole process.

    Args:
        contents: of the folder, as `manifest.verify` returned them.
        checkpoints, optimisation: as for `train`.
    """
    tf.config.experimental.enable_op_determinism()
    users, songs = contents.index_sizes["user"], contents.index_sizes["song"]
    mean = contents.splits["train"].mean_rating
    model = TwoTowerDot(users, songs, mean, dimension=dimension, l2=l2, seed=seed)

    def batches(split: str, order: int | None) -> tf.data.Dataset:
        columns = (*FEATURES, "rating")
        return dataset(
            shards,
            contents,
            split,
            columns,
            batch_size=batch_size,
            seed=order,
            stall_seconds=stall_seconds,
        )

    def epoch_batches(epoch: int) -> tf.data.Dataset:
        return batches("train", seed * _EPOCHS_A_SEED + epoch)

    curve = train(model, epoch_batches, batches("validation", None), checkpoints, **optimisation)
    return model, curve


def train(
    model: TwoTowerDot,
    epoch_batches: Callable[[int], tf.data.Dataset],
    validation: tf.data.Dataset,
    checkpoints: Path,
    *,
    learning_rate: float,
    initial_accumulator: float,
    max_epochs: int,
    patience: int,
) -> Curve:
    """Fit by Adagrad until `patience` epochs brought no better validation MSE; keep the best.

    Continues after the last checkpoint in the folder; the weights are then those of a training
    that was never interrupted.

    Args:
        epoch_batches: the train batches of an epoch, counted from 0.
        checkpoints: a folder of this very training: same model, batches and settings.

    Returns:
        One entry per epoch: train MSE (running, before bounding), exact validation MSE, seconds.
    """
    adagrad = tf.keras.optimizers.Adagrad(learning_rate, initial_accumulator)
    model.compile(optimizer=adagrad)
    adagrad.build(model.trainable_variables)
    best = [tf.Variable(v) for v in model.trainable_variables]
    progress = tf.Variable("[]")
    state = tf.train.Checkpoint(model=model, optimizer=adagrad, best=best, progress=progress)
    manager = tf.train.CheckpointManager(state, str(checkpoints), CHECKPOINTS_KEPT)
    state.restore(manager.latest_checkpoint)
    curve: Curve = json.loads(progress.numpy())
    if curve:
        log.info("continuing after epoch %d", len(curve))
    while len(curve) < max_epochs and not stopped(curve, patience):
        curve.append(_epoch(model, epoch_batches(len(curve)), validation, len(curve)))
        if best_epoch(curve) == len(curve) - 1:
            _assign(best, model.trainable_variables)
        progress.assign(json.dumps(curve))
        manager.save()
    _assign(model.trainable_variables, best)
    return curve


def stopped(curve: Curve, patience: int) -> bool:
    """Whether the best epoch is `patience` epochs ago."""
    return bool(curve) and len(curve) - 1 - best_epoch(curve) >= patience


def _epoch(
    model: TwoTowerDot, batches: tf.data.Dataset, validation: tf.data.Dataset, epoch: int
) -> dict[str, Any]:
    started = time.monotonic()
    shown = model.fit(
        batches,
        initial_epoch=epoch,
        epochs=epoch + 1,
        verbose="auto" if sys.stdout.isatty() else 0,
    )
    squares, rows = squared_error(model, validation)
    figures = {
        "epoch": epoch + 1,
        "train_mse": float(shown.history["mse"][0]),
        "validation_mse": squares / rows,
        "seconds": round(time.monotonic() - started, 2),
    }
    log.info("epoch %(epoch)d: train %(train_mse).4f, validation %(validation_mse).4f", figures)
    return figures


def best_epoch(curve: Curve) -> int:
    """The position of the lowest validation MSE."""
    return min(range(len(curve)), key=lambda epoch: curve[epoch]["validation_mse"])


def _assign(variables: list[tf.Variable], values: list[tf.Variable]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
