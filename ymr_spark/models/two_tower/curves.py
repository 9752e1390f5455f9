"""Learning curves of two-tower models on rows in memory."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ymr_spark.models.arrays import Floats, Ints, find
from ymr_spark.models.two_tower import training
from ymr_spark.records.learning_curve import Curve
from ymr_spark.scale import Scale
from ymr_spark.shards.reader import untuned
from ymr_spark.store import scratch

Rated = tuple[Ints, Ints, Floats]  # user ids, song ids and stars, each (rows,)


def curve(
    network: str,
    train: Rated,
    held_out: Rated,
    scale: Scale,
    *,
    seed: int,
    batch_size: int,
    max_epochs: int,
    learning_rate: float,
    **form: Any,
) -> Curve:
    """Train for `max_epochs`, however the held-out rows fare.

    Args:
        network: one of `training.NETWORKS` that reads users and songs only.
        learning_rate: as for `training.train`.
        form: what else the model's class takes.
    """
    tf.keras.backend.clear_session()
    tf.config.experimental.enable_op_determinism()
    users, songs = np.unique(train[0]), np.unique(train[1])
    columns, judged = (_columns(rated, users, songs) for rated in (train, held_out))
    ratings = {name: np.bincount(columns[name]) for name in ("user_index", "song_index")}
    model = training.NETWORKS[network](ratings, float(train[2].mean()), scale, seed=seed, **form)
    with scratch.named_or_temporary(None) as checkpoints:
        return training.train(
            model,
            lambda epoch: batches(columns, batch_size, (seed, epoch)),
            batches(judged, batch_size),
            checkpoints,
            max_epochs=max_epochs,
            patience=max_epochs,
            tolerance=0.0,
            learning_rate=learning_rate,
        )


def batches(
    columns: Mapping[str, Ints | Floats], size: int, seed: tuple[int, ...] | None = None
) -> tf.data.Dataset:
    """One pass over arrays of one length, in their order or in one that follows from the seed."""
    rows = len(next(iter(columns.values())))
    order = slice(None) if seed is None else np.random.default_rng(seed).permutation(rows)
    tensors = {name: tf.constant(values[order]) for name, values in columns.items()}
    # Slices of whole batches: a dataset of single rows would take longer than the training.
    starts = tf.data.Dataset.range(0, rows, size)
    found = starts.map(lambda at: {n: t[at : at + size] for n, t in tensors.items()})
    return untuned(found.prefetch(2))


def _columns(rated: Rated, users: Ints, songs: Ints) -> dict[str, Ints | Floats]:
    return {
        "user_index": _indices(users, rated[0]),
        "song_index": _indices(songs, rated[1]),
        "rating": rated[2].astype(np.float32),
    }


def _indices(known: Ints, ids: Ints) -> Ints:
    """From 1 in the order of the ids, 0 for those not known."""
    place, found = find(known, ids)
    return np.where(found, place + 1, 0).astype(np.int32)
