"""Tables of rows by index, each held to zero by its squares, and scores made of two rows."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from ymr_spark.models.arrays import Floats, Ints

# Weight of an offset's square beside a factor's: offsets spread more.
_OFFSET = 0.1
_SONGS_AT_ONCE = 8_192


class Embedding(tf.keras.layers.Layer):  # type: ignore[misc]
    """A row for each index; that of an index without ratings is zero and stays so.

    Args:
        ratings: (indices,) train ratings of each; index 0, of what is unknown, has none.
        penalty: weight of a row's squares beside the error of each of its ratings, for all rows
            or (indices,).
        offset: the first column is an offset, which starts at zero and is held back less.
    """

    def __init__(
        self,
        ratings: Ints,
        dimension: int,
        penalty: float | Floats,
        random: np.random.Generator,
        offset: bool = False,
    ) -> None:
        super().__init__()
        table = random.normal(0, 0.1 / np.sqrt(dimension), (len(ratings), offset + dimension))
        table[ratings == 0] = table[:, :offset] = 0
        # One table for both: a sparse update costs more than the one column that it adds.
        self.table = tf.Variable(table.astype(np.float32), name="embedding")
        self.penalty = tf.constant(np.broadcast_to(penalty, len(ratings)), tf.float32)
        self.weights_of_columns = tf.constant([_OFFSET] * offset + [1.0] * dimension)

    def call(self, index: tf.Tensor) -> tf.Tensor:
        """The rows of the table, of shape (*index.shape, columns)."""
        rows = tf.nn.embedding_lookup(self.table, index)
        squares = tf.reduce_sum(self.weights_of_columns * rows**2, axis=-1)
        penalties = tf.reduce_sum(tf.gather(self.penalty, index) * squares)
        self.add_loss(penalties / tf.cast(tf.shape(index)[0], tf.float32))
        return rows


class Embeddings(Embedding):
    """Rows of several columns of a batch in one table: one sparse update instead of many.

    Args:
        ratings: as for `Embedding`, of each column.
        l2: as for `ridge`.
    """

    def __init__(
        self,
        ratings: Sequence[Ints],
        dimension: int,
        l2: float,
        random: np.random.Generator,
        offset: bool = False,
    ) -> None:
        together = np.concatenate(ratings)
        super().__init__(together, dimension, ridge(l2, together), random, offset)
        self.starts = tf.constant(np.cumsum([0, *map(len, ratings[:-1])]), tf.int32)

    def call(self, indices: Sequence[tf.Tensor]) -> tf.Tensor:
        """The rows (rows, features, columns) of indices (rows,) of each column."""
        return super().call(tf.stack(indices, axis=1) + self.starts)


def ridge(l2: float, ratings: Ints) -> Floats:
    """The penalty by which an epoch adds l2 times the squares of each row, however many ratings:
    the fewer there are, the nearer to zero is the row.
    """
    return l2 / np.maximum(ratings, 1)


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
    taste = tf.reduce_sum(user[:, 1:] * song[:, 1:], axis=1)
    return user[:, 0] + song[:, 0] + taste
