"""Steps of the optimiser by hand."""

import numpy as np
import pytest
import tensorflow as tf

from ymr_spark.models.two_tower.embeddings import Embeddings
from ymr_spark.models.two_tower.newton import Newton
from ymr_spark.scale import Scale

NOISE = tf.Variable(3.0)
RATINGS = np.array([0, 4, 1])


def table(l2: float = 5.0) -> Embeddings:
    layer = Embeddings([RATINGS], 2, l2, np.random.default_rng(1), offset=True)
    layer.table.assign([[0, 0, 0], [1, 2, 3], [4, 5, 6]])
    return layer


def test_two_steps_by_hand() -> None:
    layer = table()
    newton = Newton(2.0, [layer], NOISE)
    newton.build([layer.table])
    # Index 1 comes twice: one gradient [3, 6, 0].
    gradient = tf.IndexedSlices(tf.constant([[1.0, 6, 0], [2.0, 0, 0]]), tf.constant([1, 1]))
    newton.apply_gradients([(gradient, layer.table)])
    # The offset's l2 is a tenth: 2 · 0.5 + 9 / 6; 2 · 5 + 36 / 6.
    expected = np.array([1 - 2 * 3 / 2.5, 2 - 2 * 6 / 16, 3])
    np.testing.assert_allclose(layer.table[1], expected, rtol=1e-6)
    newton.apply_gradients(
        [(tf.IndexedSlices(tf.constant([[3.0, 0, 6]]), tf.constant([1])), layer.table)]
    )
    expected -= [2 * 3 / 4, 0, 2 * 6 / 16]
    np.testing.assert_allclose(layer.table[1], expected, rtol=1e-6)
    assert layer.table.numpy()[[0, 2]].tolist() == [[0, 0, 0], [4, 5, 6]]
    np.testing.assert_allclose(newton.curvature(layer)[1], [3, 6, 6], rtol=1e-6)


def test_a_dense_layer_takes_steps_of_adagrad() -> None:
    layer, kernel = table(), tf.Variable([1.0, 1.0])
    newton = Newton(2.0, [layer], NOISE)
    newton.build([layer.table, kernel])
    for _ in range(2):
        newton.apply_gradients([(tf.constant([4.0, -0.5]), kernel)])
    step = 0.05 * 2 * (1 + 1 / np.sqrt(2))
    np.testing.assert_allclose(kernel, [1 - step, 1 + step], rtol=1e-5)


@pytest.mark.parametrize("width", [1, 100])
def test_one_pass_finds_a_mean_whatever_the_scale(width: int) -> None:
    """At a rate of 1 the mean of all ratings, held to zero by l2: sum / (n + l2)."""
    scale = Scale(0, width, width)
    random = np.random.default_rng(2)
    sd = width / np.sqrt(12)
    ratings = random.normal(sd / 2, sd, 2_000)
    layer = Embeddings([np.array([0, len(ratings)])], 1, 20.0, random)
    layer.table.assign([[0.0], [0.0]])
    newton = Newton(1.0, [layer], tf.Variable(scale.variance))
    newton.build([layer.table])

    @tf.function  # type: ignore[untyped-decorator]
    def step(rating: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            row = layer([tf.ones(1, tf.int32)])[0, 0, 0]
            loss = (rating - row) ** 2
        newton.apply_gradients([(tape.gradient(loss, layer.table), layer.table)])

    for rating in tf.constant(ratings, tf.float32):
        step(rating)
    expected = ratings.sum() / (len(ratings) + 20)
    assert float(layer.table[1, 0]) == pytest.approx(expected, abs=0.15 * sd)
