"""Two-tower models of TensorFlow Recommenders: what all share, and the one of a dot product."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ymr_spark.models.factors import FactorModel, Floats, Ints

LOWEST, HIGHEST = 1.0, 5.0
# Weight of an offset's square beside a factor's: offsets spread more.
_OFFSET = 0.1
_SONGS_AT_ONCE = 8_192


class TwoTower(tfrs.Model):  # type: ignore[misc]
    """Predicts LOWEST + (HIGHEST - LOWEST) / (1 + e^-score), whose gradient ends nowhere.

    A model scores in `call` the columns of a batch that are its `features`, and gives by
    `artifact` the same scores without TensorFlow. `objective` is what training makes small.
    """

    def __init__(
        self, mean: float, features: Sequence[str], objective: tf.keras.losses.Loss
    ) -> None:
        super().__init__()
        self.features, self.objective = tuple(features), objective
        # The score of the mean rating.
        share = share_of_scale(mean)
        self.mean = tf.constant(np.log(share / (1 - share)), tf.float32)
        self.task = tfrs.tasks.Ranking(
            loss=objective, metrics=[tf.keras.metrics.MeanSquaredError(name="mse")]
        )
        signature = [tf.TensorSpec((None,), tf.int32, name) for name in self.features]
        self.predict_stars = tf.function(self._stars, input_signature=signature)

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        stars = self.stars(inputs, training)
        return self.task(labels=tf.cast(inputs["rating"], tf.float32), predictions=stars)

    def stars(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Predictions (rows,), between LOWEST and HIGHEST."""
        return LOWEST + (HIGHEST - LOWEST) * tf.sigmoid(self(inputs, training=training))

    def _stars(self, *indices: tf.Tensor) -> tf.Tensor:
        """Predictions (rows,) in stars, given the columns of `features`, each (rows,)."""
        return self.stars(dict(zip(self.features, indices, strict=True)))


def share_of_scale(stars: Any) -> Any:
    """0 for the lowest rating, 1 for the highest."""
    return (stars - LOWEST) / (HIGHEST - LOWEST)


class CrossEntropy(tf.keras.losses.Loss):  # type: ignore[misc]
    """8 (-y log p - (1 - y) log(1 - p)) of ratings y and predictions p as shares of the scale.

    Its least mean is at the mean rating, as that of the squared error is; but it counts an error
    for more near the ends of the scale, where ratings vary less (the quasi-likelihood of Papke
    and Wooldridge 1996), and so finds that mean with fewer ratings. The 8 gives it the curvature
    of the squared error, as a function of the score, at the middle of the scale.
    """

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        shares = (share_of_scale(stars)[:, None] for stars in (y_true, y_pred))
        return (HIGHEST - LOWEST) ** 2 / 2 * tf.keras.losses.binary_crossentropy(*shares)


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


class TwoTowerDot(TwoTower):
    """score = mean + b_u + b_s + p_u · q_s; what is unknown adds nothing.

    A song's b_s and q_s are its own row plus those of its attributes, so that songs of one artist
    begin alike, and a song that nobody rated is not without any.

    Args:
        ratings: by column of the shards, as for `Embedding`.
        attributes: of songs, each with a column of its own.
    """

    def __init__(
        self,
        ratings: Mapping[str, Ints],
        mean: float,
        *,
        attributes: Sequence[str],
        dimension: int,
        l2: float,
        seed: int,
    ) -> None:
        of_song = ("song_index", *(f"{name}_index" for name in attributes))
        super().__init__(mean, ("user_index", *of_song), CrossEntropy())
        random = np.random.default_rng(seed)
        self.user_tower = Embeddings([ratings["user_index"]], dimension, l2, random, offset=True)
        mine = [ratings[name] for name in of_song]
        self.song_tower = Embeddings(mine, dimension, l2, random, offset=True)

    def call(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        user = self.user_tower([features["user_index"]])[:, 0]
        return self.mean + joined(user, self.songs(features))

    def songs(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Offset and vector (rows, 1 + dimension) of songs."""
        rows = self.song_tower([features[name] for name in self.features[1:]])
        return tf.reduce_sum(rows, axis=1)

    def artifact(
        self, name: str, ids: Mapping[str, Ints], songs: Mapping[str, Ints]
    ) -> FactorModel:
        """The same scores as factors: of the train rows' users, and of all songs that have a row
        or an attribute with one.

        Args:
            ids: "user": the ids of the indices from 1.
            songs: song_id, ascending, and the columns of the shards for each.
        """
        users = self.user_tower.table.numpy()[1:]
        rows = of_catalogue(self.songs, songs, self.features[1:])
        known = rows.any(axis=1)
        mean = float(self.mean)
        return factor_model(name, mean, ids["user"], users, songs["song_id"][known], rows[known])


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


def squared_error(model: TwoTower, batches: tf.data.Dataset) -> tuple[float, int]:
    """The exact sum of squared errors of the bounded predictions, and the number of rows."""
    total, rows = 0.0, 0
    for batch in batches:
        stars = model.predict_stars(*(batch[name] for name in model.features)).numpy()
        errors = stars.astype(np.float64) - batch["rating"].numpy()
        total, rows = total + float(errors @ errors), rows + len(errors)
    return total, rows


def factor_model(
    name: str, mean: float, user_ids: Ints, users: Floats, song_ids: Ints, songs: Floats
) -> FactorModel:
    """The scores mean + `joined` of (ids, 1 + dimension) rows; the ids ascend."""
    return FactorModel(
        name=name,
        mean=mean,
        user_ids=user_ids,
        user_offsets=users[:, 0].astype(np.float64),
        user_factors=users[:, 1:],
        song_ids=song_ids,
        song_offsets=songs[:, 0].astype(np.float64),
        song_factors=songs[:, 1:],
        lowest=LOWEST,
        highest=HIGHEST,
        link="logistic",
    )


def save(model: TwoTower, folder: Path) -> None:
    """Write a SavedModel whose signature maps the columns of `features` to stars."""
    tf.saved_model.save(model, str(folder), signatures=model.predict_stars)
