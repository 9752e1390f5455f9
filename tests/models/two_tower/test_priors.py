"""What happens to the tables between epochs."""

from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.two_tower import priors
from ymr_spark.models.two_tower.deep_cross import CONTENT, CrossTowers
from ymr_spark.models.two_tower.embeddings import Embeddings
from ymr_spark.models.two_tower.newton import Newton
from ymr_spark.sources.r2.scale import R2

RANDOM = np.random.default_rng(4)


def rated(rows: int) -> Ints:
    return np.minimum(np.arange(1 + rows), 1)


def made(ratings: Sequence[Ints], dimension: int, l2: float = 5.0) -> tuple[Embeddings, Newton]:
    """A table of random rows, and the optimiser with random sums."""
    layer = Embeddings(ratings, dimension, l2, RANDOM, offset=True)
    layer.table.assign(RANDOM.normal(0, 0.5, layer.table.shape) * (layer.ratings > 0)[:, None])
    return layer, optimizer(layer)


def optimizer(*layers: Embeddings) -> Newton:
    newton = Newton(2.0, layers, tf.Variable(3.0))
    newton.build([layer.table for layer in layers])
    for layer in layers:
        newton.assign(layer, RANDOM.uniform(1, 50, layer.table.shape))
    return newton


def test_turned_vectors_have_the_same_products_and_common_axes() -> None:
    users, _ = made([rated(400)], 5)
    songs, _ = made([rated(300), rated(50)], 5)
    newton = optimizer(users, songs)
    before = users.table.numpy(), songs.table.numpy()
    turned = priors.turn(users, songs, newton)
    after = users.table.numpy(), songs.table.numpy()
    for mine, then in zip(before, after, strict=True):
        np.testing.assert_array_equal(then[:, 0], mine[:, 0])
    products = [u[:, 1:] @ s[:, 1:].T for u, s in (before, after)]
    np.testing.assert_allclose(products[1], products[0], atol=1e-5)
    np.testing.assert_allclose(before[1][:, 1:] @ turned, after[1][:, 1:], atol=1e-5)
    moments = [v[:, 1:].T @ v[:, 1:] / (len(v) - 1) for v in (after[0], after[1][:301])]
    np.testing.assert_allclose(moments[0], moments[1], atol=1e-4)
    lengths = np.diagonal(moments[0])
    np.testing.assert_allclose(moments[0], np.diag(lengths), atol=1e-4)
    assert (np.diff(lengths) < 0).all()


def test_the_curvature_turns_with_the_vectors() -> None:
    """Where what is learnt of a coordinate does not depend on the others', it is exact."""
    users, _ = made([rated(9)], 2)
    songs, _ = made([rated(9)], 2)
    newton = optimizer(users, songs)
    before = newton.curvature(users)
    turned = priors.turn(users, songs, newton)
    # Songs are multiplied by the inverse transpose of what users are.
    expected = before[:, 1:] @ turned**2
    after = newton.curvature(users)
    np.testing.assert_allclose(after[:, 1:], expected, rtol=1e-4)
    np.testing.assert_array_equal(after[:, 0], before[:, 0])


def test_vectors_of_fewer_rows_than_columns_can_be_turned() -> None:
    users, _ = made([rated(2)], 4)
    songs, _ = made([rated(3)], 4)
    before = users.table.numpy()[:, 1:] @ songs.table.numpy()[:, 1:].T
    priors.turn(users, songs, optimizer(users, songs))
    after = users.table.numpy()[:, 1:] @ songs.table.numpy()[:, 1:].T
    np.testing.assert_allclose(after, before, atol=1e-3)


def test_l2_and_curvature_by_hand() -> None:
    layer, newton = made([np.array([0, 2, 7]), np.array([0, 3]), np.array([0])], 1)
    layer.table.assign([[0, 0], [1, 3], [2, 1], [0, 0], [1, 2], [0, 0]])
    newton.assign(layer, np.array([[9, 9], [2, 20], [6, 60], [9, 9], [2, 2], [9, 9]]))
    priors.learn(layer, newton, epochs=2)
    # l2 was 0.5 of the offset and 5: h is 1 and 3 of an epoch, known 1/2 and 3/4; 10/20 and 30/40.
    first = [3 * 0.625 / 2.5, 3 * 0.625 / 5]
    second = [3 * 0.5 / 1, 3 * (1 / 11) / 4]
    # Of nine ratings an epoch in the first column of the batch, three in the second.
    np.testing.assert_allclose(
        layer.curvature, [[0.0, 80 / 18], [0.0, 2 / 6], [0.0, 0.0]], rtol=1e-6
    )
    # Of the third column of the batch nothing was rated.
    np.testing.assert_allclose(layer.l2, [first, second, [0.5, 5]], rtol=1e-6)


def test_l2_comes_to_the_variance_that_rows_were_drawn_with() -> None:
    """Rows of sd 0.5 and of 0.05, each measured with a curvature of 40 an epoch: v / sd²."""
    sd, curvature, variance = np.array([0.5, 0.05]), 40.0, 3.0
    layer, newton = made([rated(20_000)], 1, l2=30.0)
    truth = RANDOM.normal(0, sd, layer.table.shape)
    noise = RANDOM.normal(0, np.sqrt(2 * variance / curvature), layer.table.shape)
    newton.assign(layer, np.full(layer.table.shape, curvature))
    for _ in range(300):
        held = curvature / (curvature + 2 * layer.l2.numpy())
        layer.table.assign((truth + noise) * held * (layer.ratings > 0)[:, None])
        priors.learn(layer, newton, epochs=1)
    found: Floats = layer.l2.numpy()[0]
    assert found[0] == pytest.approx(variance / sd[0] ** 2, rel=0.1)
    assert found[1] > 10 * found[0]


def test_a_column_that_no_rating_asks_for_stays_a_number() -> None:
    layer, newton = made([rated(50)], 2)
    curvature = newton.curvature(layer)
    for _ in range(40):
        held = layer.table.numpy()
        held[:, 2] *= 1e-3
        layer.table.assign(held)
        priors.learn(layer, newton, epochs=1)
        # What is left of an epoch's curvature beside l2, in single precision.
        np.testing.assert_allclose(newton.curvature(layer)[1:], curvature[1:], rtol=0.1)
    found = layer.l2.numpy()[0]
    assert found[1] < 100
    assert found[2] == pytest.approx(1e4 * curvature[1:, 2].mean(), rel=0.1)


def test_turning_changes_no_score_of_deep_cross() -> None:
    ratings = {"user_index": rated(6), "song_index": rated(5)} | dict.fromkeys(CONTENT, rated(4))
    model = CrossTowers(ratings, 3.0, R2, dimension=3, width=4, song_dropout=0.1, l2=8.0, seed=1)
    newton = Newton(2.0, model.tables, model.noise)
    newton.build(model.trainable_variables)
    features = {name: tf.constant([1, 2, 3, 4, 0]) for name in model.features}
    before = model(features).numpy()
    for _ in range(2):
        model.turn(newton)
    np.testing.assert_allclose(model(features), before, atol=1e-5)
    assert not np.allclose(model.axes, np.eye(3))
