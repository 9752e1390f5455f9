"""The optimiser of the two-tower models: Newton steps for the tables' rows, Adagrad elsewhere."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ymr_spark.models.arrays import Floats
from ymr_spark.models.two_tower.embeddings import Embeddings

_DENSE_RATE = 0.05  # of Adagrad, beside the rate of Newton steps
_EPSILON = 1e-7


class Newton(tf.keras.optimizers.Optimizer):  # type: ignore[misc]
    """A step of a table's coordinate is -rate · G / (2 l2 + sum of G² / 2v), G being the gradient
    of the sum of a batch's losses, the sum over all batches so far.

    With v the variance of a rating about its prediction, the squared gradient of its loss is in the
    mean 2v times the curvature (the Fisher information): the denominator is the curvature of the
    ratings so far, and at a rate of 1 the coordinate would stay at about its best for them. A
    larger rate lets the first ones count for less, which came when other rows were raw. No data
    set asks for a rate of its own. Where a batch has many ratings of a row, they agree at first on
    where it should go, and the sum is too large: that holds rows of a song's content, which move
    with each other, to steps small enough.

    Args:
        rate: times the step of Newton's method.
        tables: whose `table` the model trains; Adagrad trains what else it has.
        noise: v, whatever it is at a step.

    Attributes:
        compiled: rows are moved by XLA, of the same results.
    """

    def __init__(self, rate: float, tables: Sequence[Embeddings], noise: tf.Variable) -> None:
        # Not even a decay of 0, which would pass over all of each table at each step.
        super().__init__(name="newton", weight_decay=None)
        self._learning_rate = self._build_learning_rate(rate)
        self.noise, self._tables = noise, tuple(tables)
        self.compiled = False

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        """Make what is summed up for each of the variables."""
        super().build(var_list)
        if not getattr(self, "_built", False):
            self._built = True
            priors = {layer.table.ref(): layer.precision for layer in self._tables}
            self._rows = tuple(v.ref() in priors for v in var_list)
            self._sums = [
                self.add_variable_from_reference(v, "sum", initial_value=priors.get(v.ref()))
                for v in var_list
            ]
            # Of no use beyond a step, and so none of `variables`.
            self._places = [tf.Variable(tf.zeros(v.shape[:1], tf.int32)) for v in var_list]

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Take a step of one variable."""
        place = self._index_dict[self._var_key(variable)]
        summed = self._sums[place]
        rate = tf.cast(self.learning_rate, variable.dtype)
        if self._rows[place]:
            move = _compiled_move if self.compiled else _move
            move(variable, summed, self._places[place], gradient, rate, 2 * self.noise)
        else:
            summed.assign_add(gradient**2)
            variable.assign_sub(_DENSE_RATE * rate * gradient / tf.sqrt(summed + _EPSILON))

    def _deduplicate_sparse_grad(self, grads: list[Any]) -> list[Any]:
        # `_move` adds up the gradients of a row, at a fraction of what Keras takes for it.
        return grads

    def curvature(self, layer: Embeddings) -> Floats:
        """By the ratings of all batches so far, of each of a table's coordinates."""
        found: Floats = self._summed(layer).numpy() - layer.precision
        return found

    def assign(self, layer: Embeddings, curvature: Floats) -> None:
        """Go on from that curvature, and from the table's `l2` as they are now."""
        self._summed(layer).assign(curvature + layer.precision)

    def _summed(self, layer: Embeddings) -> tf.Variable:
        return self._sums[self._index_dict[self._var_key(layer.table)]]


def _move(
    table: tf.Variable,
    summed: tf.Variable,
    places: tf.Variable,
    gradient: tf.IndexedSlices,
    rate: tf.Tensor,
    noise: tf.Tensor,
) -> None:
    """Move the rows of a batch. Of the places in it that have one index, one comes to stand for
    all, with the sum of their gradients; the others have zero, and add nothing."""
    index, rows = gradient.indices, tf.size(gradient.indices)
    places.scatter_update(tf.IndexedSlices(tf.range(rows), index))
    values = tf.math.unsorted_segment_sum(gradient.values, tf.gather(places, index), rows)
    summed.scatter_add(tf.IndexedSlices(values**2 / noise, index))
    table.scatter_add(tf.IndexedSlices(-rate * values / tf.gather(summed, index), index))


# XLA's scatters take a tenth of the time of TensorFlow's own, which go over rows by expressions.
_compiled_move = tf.function(_move, jit_compile=True)
