"""Two-tower models of TensorFlow Recommenders: what all share, and the one of a dot product."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ymr_spark.models.factors import FactorModel, Floats, Ints

LOWEST, HIGHEST = 1.0, 5.0


class TwoTower(tfrs.Model):  # type: ignore[misc]
    """Predicts LOWEST + (HIGHEST - LOWEST) / (1 + e^-score), whose gradient ends nowhere.

    A model says in `features` which columns of a batch it reads, scores them in `call`, and gives
    by `artifact` the same scores without TensorFlow.
    """

    features: tuple[str, ...] = ("user_index", "song_index")

    def __init__(self, mean: float) -> None:
        super().__init__()
        # The score of the mean rating.
        share = (mean - LOWEST) / (HIGHEST - LOWEST)
        self.mean = tf.constant(np.log(share / (1 - share)), tf.float32)
        self.task = tfrs.tasks.Ranking(
            loss=tf.keras.losses.MeanSquaredError(),
            metrics=[tf.keras.metrics.MeanSquaredError(name="mse")],
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


class Embedding(tf.keras.layers.Layer):  # type: ignore[misc]
    """A row for each index 0..count; row 0, of what is unknown, starts at zero.

    Args:
        count: known ids, which have the indices 1..count.
        offset: the first column is an offset, which starts at zero.
        l2: weight of the squared rows, averaged over a batch, so that an id is held back in
            proportion to its number of ratings.
    """

    def __init__(
        self,
        count: int,
        dimension: int,
        l2: float,
        random: np.random.Generator,
        offset: bool = False,
    ) -> None:
        super().__init__()
        table = random.normal(0, 0.1 / np.sqrt(dimension), (count + 1, offset + dimension))
        table[0] = table[:, :offset] = 0
        # One table for both: a sparse update costs more than the one column that it adds.
        self.table = tf.Variable(table.astype(np.float32), name="embedding")
        self.l2 = l2

    def call(self, index: tf.Tensor) -> tf.Tensor:
        """The rows of the table, of shape (*index.shape, columns)."""
        rows = tf.nn.embedding_lookup(self.table, index)
        self.add_loss(self.l2 * tf.reduce_mean(tf.reduce_sum(rows**2, axis=-1)))
        return rows


class TwoTowerDot(TwoTower):
    """score = mean + b_u + b_s + p_u · q_s; what is unknown (index 0) adds nothing.

    Args:
        sizes: the number of known ids, "user" and "song".
    """

    def __init__(
        self, sizes: Mapping[str, int], mean: float, *, dimension: int, l2: float, seed: int
    ) -> None:
        super().__init__(mean)
        random = np.random.default_rng(seed)
        self.user_tower = Embedding(sizes["user"], dimension, l2, random, offset=True)
        self.song_tower = Embedding(sizes["song"], dimension, l2, random, offset=True)

    def call(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        user = self.user_tower(features["user_index"])
        song = self.song_tower(features["song_index"])
        return self.mean + joined(user, song)

    def artifact(
        self, name: str, ids: Mapping[str, Ints], songs: Mapping[str, Ints]
    ) -> FactorModel:
        """The same scores as factors.

        Args:
            ids: "user" and "song": the ids of the indices from 1.
            songs: not read; for models that know more of a song.
        """
        users, rated = (t.table.numpy()[1:] for t in (self.user_tower, self.song_tower))
        return factor_model(name, float(self.mean), ids["user"], users, ids["song"], rated)


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
