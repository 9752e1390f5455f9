"""A training step as a whole, compiled as `fit` has it, against NumPy and against TensorFlow."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.two_tower import training
from ymr_spark.models.two_tower.curves import batches
from ymr_spark.models.two_tower.deep_cross import CONTENT
from ymr_spark.models.two_tower.dot import DotTowers
from ymr_spark.models.two_tower.embeddings import Embeddings
from ymr_spark.models.two_tower.progress import optimizer_of
from ymr_spark.models.two_tower.towers import Towers
from ymr_spark.sources.r2.scale import R2

ROWS, RATE, L2 = 40, 2.0, 4.0
MANY = 100_000  # steps, which are compiled
RANDOM = np.random.default_rng(4)
SIZES = {"user_index": 9, "song_index": 6} | dict.fromkeys(CONTENT, 3)
COLUMNS: dict[str, Any] = {
    name: RANDOM.integers(1, size + 1, ROWS).astype(np.int32) for name, size in SIZES.items()
}
COLUMNS["rating"] = RANDOM.integers(1, 6, ROWS).astype(np.float32)
# Of all ratings half are in the batch.
RATINGS = {name: 2 * np.bincount(COLUMNS[name], minlength=size + 1) for name, size in SIZES.items()}
FORMS: dict[str, dict[str, Any]] = {
    "dot": {"attributes": ("album", "artist")},
    "mlp": {"layers": (8, 4)},
    "cross": {"width": 4, "song_dropout": 0.0},
    "joint": {"attributes": ("album",), "negatives": 16, "listening": 0.5},
    "retrieval": {"attributes": ("album",), "negatives": 16},
}


def towers(network: str) -> Towers:
    model: Towers = training.NETWORKS[network](
        RATINGS, 3.0, R2, dimension=2, l2=L2, seed=1, **FORMS[network]
    )
    for layer in model.tables:
        layer.curvature.assign(tf.fill(layer.curvature.shape, 0.5))
    return model


def fitted(network: str, steps: int = 1, compiled: bool = True) -> Towers:
    model = towers(network)
    training.compile_with(optimizer_of(model, RATE), model, MANY if compiled else steps)
    chosen = {name: COLUMNS[name] for name in (*model.features, "rating")}
    model.fit(batches(chosen, ROWS).repeat(steps), verbose=0)
    return model


def moved(layer: Embeddings, index: Ints, gradient: Floats, noise: float) -> Floats:
    """The table after a step by the gradients (rows, features, columns) of its rows."""
    summed = np.zeros(layer.table.shape)
    np.add.at(summed, index, gradient)
    table: Floats = layer.table.numpy() - RATE * summed / (layer.precision + summed**2 / 2 / noise)
    return table


def rows(layer: Embeddings, names: tuple[str, ...]) -> tuple[Ints, Floats, Floats, Floats]:
    """Index, rows, what l2 adds to their gradients (rows, features, columns), and variances."""
    index = np.stack([COLUMNS[name] for name in names], axis=1) + layer.starts.numpy()
    found, precision = layer.table.numpy()[index], layer.precision[index]
    counts = layer.ratings[index][..., None]
    known = 2 / (0.5 * counts + precision)
    return index, found, precision / counts * found, known.sum(axis=1)


def test_a_step_of_the_dot_product_by_numpy() -> None:
    model = towers("dot")
    assert isinstance(model, DotTowers)
    users, user, of_user_l2, of_user = rows(model.user_tower, model.features[:1])
    songs, song, of_song_l2, of_song = rows(model.song_tower, model.features[1:])
    p, q = user[:, 0], song.sum(axis=1)
    score = float(model.mean) + p[:, 0] + q[:, 0] + np.sum(p[:, 1:] * q[:, 1:], axis=1)
    share = 1 / (1 + np.exp(-score))
    # Of w² / 2 times the cross-entropy, w = 4.
    slope = (8 * (share - (COLUMNS["rating"] - 1) / 4))[:, None]
    weight = float(model.noise) * (8 * share * (1 - share))[:, None]
    # An offset counts once, whatever is not known of the other side's.
    by_p = np.c_[np.ones(ROWS), q[:, 1:]] * slope + weight * of_song * p
    by_q = np.c_[np.ones(ROWS), p[:, 1:]] * slope + weight * of_user * q
    expected = [
        moved(model.user_tower, users, of_user_l2 + by_p[:, None], 4 / 3),
        moved(model.song_tower, songs, of_song_l2 + by_q[:, None], 4 / 3),
    ]
    found = fitted("dot")
    for layer, table in zip(found.tables, expected, strict=True):
        np.testing.assert_allclose(layer.table, table, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", FORMS)
def test_compiled_steps_are_those_of_tensorflow(network: str) -> None:
    one, other = (fitted(network, 3, compiled) for compiled in (True, False))
    for variable, same in zip(one.trainable_variables, other.trainable_variables, strict=True):
        np.testing.assert_allclose(variable, same, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("network", FORMS)
def test_the_last_batch_may_be_smaller(network: str) -> None:
    model = towers(network)
    training.compile_with(optimizer_of(model, RATE), model, MANY)
    chosen = {name: COLUMNS[name] for name in (*model.features, "rating")}
    shown = model.fit(batches(chosen, 30), verbose=0)
    assert all(np.isfinite(v.numpy()).all() for v in model.trainable_variables)
    assert np.isfinite(shown.history[model.judged_by][0])
