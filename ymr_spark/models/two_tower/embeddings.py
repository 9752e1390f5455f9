"""Tables of rows by index, each held to zero by its squares, and scores made of two rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ymr_spark.models.arrays import Floats, Ints

# Weight of an offset's square beside a factor's, to begin with: offsets spread more.
_OFFSET = 0.1
_SPREAD = 0.3  # of a vector's length, to begin with
_SONGS_AT_ONCE = 8_192


class Embeddings(tf.keras.layers.Layer):  # type: ignore[misc]
    """Rows of one or more columns of a batch, in one table: one sparse update instead of many.

    The row of an index without ratings is zero and stays so. An epoch takes each row's gradient as
    if the loss had `l2` times its squares, however many ratings it has: the fewer, the nearer to
    zero is the row.

    `curvature` is that of the loss of one rating, in the mean, for a column of the table and of
    the batch: 0 of offsets, and of all before `priors.learn` knows it.

    Args:
        ratings: (indices,) train ratings of each index of each column; index 0, of what is
            unknown, has none.
        l2: weight of a row's squares, to begin with; `priors.learn` has it of each column.
        offset: the first column of the table is an offset, which starts at zero and is held back
            less.
    """

    def __init__(
        self,
        ratings: Sequence[Ints],
        dimension: int,
        l2: float,
        random: np.random.Generator,
        offset: bool = False,
    ) -> None:
        super().__init__()
        lengths = [len(of_column) for of_column in ratings]
        self.offset, self.ratings = offset, np.concatenate(ratings)
        self.column = np.repeat(np.arange(len(lengths)), lengths)
        table = random.normal(0, _SPREAD / np.sqrt(dimension), (sum(lengths), offset + dimension))
        table[self.ratings == 0] = table[:, :offset] = 0
        # One table for both: a sparse update costs more than the one column that it adds.
        self.table = tf.Variable(table.astype(np.float32), name="embedding")
        start = np.full((len(lengths), offset + dimension), l2, np.float32)
        start[:, :offset] *= _OFFSET
        self.l2 = tf.Variable(start, trainable=False, name="l2")
        self.curvature = tf.Variable(np.zeros_like(start), trainable=False, name="curvature")
        self.starts = tf.constant(np.cumsum([0, *lengths[:-1]]), tf.int32)
        counts = np.maximum(self.ratings, 1).astype(np.float32)
        self._shares = tf.constant(1 / counts)

    def call(self, indices: Sequence[tf.Tensor]) -> tf.Tensor:
        """The rows (rows, features, columns) of indices (rows,) of each column."""
        index = tf.stack(indices, axis=1) + self.starts
        rows = tf.nn.embedding_lookup(self.table, index)
        return held(rows, 2 * tf.gather(self._shares, index)[..., None] * self.l2)

    def variances(self, indices: Sequence[tf.Tensor]) -> tf.Tensor:
        """(rows, columns): of the sum of an index's rows about what its ratings say, in units of
        the variance of a rating about its prediction. Of n ratings that is 2 / (c n + 2 l2), c
        being the `curvature`; 0 where c is not known yet."""
        shares = tf.gather(self._shares, tf.stack(indices, axis=1) + self.starts)[..., None]
        known = tf.math.divide_no_nan(2 * shares, self.curvature + 2 * self.l2 * shares)
        return tf.reduce_sum(known * tf.sign(self.curvature), axis=1)

    @property
    def precision(self) -> Floats:
        """(table's rows, columns): what an epoch adds by `l2` to the curvature of the loss."""
        found: Floats = 2 * self.l2.numpy()[self.column]
        return found


@tf.custom_gradient  # type: ignore[untyped-decorator]
def held(rows: tf.Tensor, weight: tf.Tensor) -> Any:
    """The rows, and weight · row beside their gradient: the loss itself is not needed."""
    return rows, lambda gradient: (gradient + weight * rows, None)


def of_catalogue(
    rows: Callable[[dict[str, Ints]], tf.Tensor],
    songs: Mapping[str, Ints],
    columns: Sequence[str],
) -> Floats:
    """(songs, 1 + dimension) of a whole catalogue, given these columns of it."""
    parts = range(0, len(songs["song_id"]), _SONGS_AT_ONCE)
    found: Floats = np.concatenate(
        [rows({name: songs[name][at : at + _SONGS_AT_ONCE] for name in columns}) for at in parts]
    )
    return found


def joined(user: tf.Tensor, song: tf.Tensor) -> tf.Tensor:
    """b_u + b_s + p_u · q_s (rows,) of rows whose first column is the offset."""
    columns = [1, user.shape[1] - 1]
    (b_u, p_u), (b_s, q_s) = (tf.split(rows, columns, axis=1) for rows in (user, song))
    return tf.reduce_sum(tf.concat([b_u + b_s, p_u * q_s], axis=1), axis=1)
