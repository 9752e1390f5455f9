"""Two-tower models of TensorFlow Recommenders: score = mean + b_u + b_s + p_u · q_s."""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ymr_spark.models.factors import FactorModel, Ints

LOWEST, HIGHEST = 1.0, 5.0
FEATURES = ("user_index", "song_index")


class Tower(tf.keras.layers.Layer):  # type: ignore[misc]
    """An offset and an embedding for each index 0..count; index 0, unknown, stays at zero.

    Args:
        count: known ids, which have the indices 1..count.
        l2: weight of the squared offset and embedding, averaged over the rows of a batch, so
            that an id is held back in proportion to its number of ratings.
    """

    def __init__(self, count: int, dimension: int, l2: float, random: np.random.Generator) -> None:
        super().__init__()
        table = random.normal(0, 0.1 / np.sqrt(dimension), (count + 1, 1 + dimension))
        table[0] = table[:, 0] = 0
        # One table for both: a sparse update costs more than the one column that it adds.
        self.table = tf.Variable(table.astype(np.float32), name="offset_and_embedding")
        self.l2 = l2

    def call(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Offsets (rows,) and embeddings (rows, dimension)."""
        rows = tf.nn.embedding_lookup(self.table, index)
        self.add_loss(self.l2 * tf.reduce_mean(tf.reduce_sum(rows**2, axis=1)))
        return rows[:, 0], rows[:, 1:]


class TwoTowerDot(tfrs.Model):  # type: ignore[misc]
    """Scores in stars, bounded only by `predict_stars`: a bounded score has no gradient."""

    def __init__(
        self, users: int, songs: int, mean: float, *, dimension: int, l2: float, seed: int
    ) -> None:
        super().__init__()
        random = np.random.default_rng(seed)
        self.mean = tf.constant(mean, tf.float32)
        self.user_tower = Tower(users, dimension, l2, random)
        self.song_tower = Tower(songs, dimension, l2, random)
        self.task = tfrs.tasks.Ranking(
            loss=tf.keras.losses.MeanSquaredError(),
            metrics=[tf.keras.metrics.MeanSquaredError(name="mse")],
        )

    def call(self, features: dict[str, tf.Tensor]) -> tf.Tensor:
        user_offset, user = self.user_tower(features["user_index"])
        song_offset, song = self.song_tower(features["song_index"])
        return self.mean + user_offset + song_offset + tf.reduce_sum(user * song, axis=1)

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.task(labels=tf.cast(inputs["rating"], tf.float32), predictions=self(inputs))

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec((None,), tf.int32, name) for name in FEATURES]
    )
    def predict_stars(self, user_index: tf.Tensor, song_index: tf.Tensor) -> tf.Tensor:
        """Predictions (rows,) in stars; what is unknown (index 0) adds nothing."""
        scores = self({"user_index": user_index, "song_index": song_index})
        return tf.clip_by_value(scores, LOWEST, HIGHEST)


def squared_error(model: TwoTowerDot, batches: tf.data.Dataset) -> tuple[float, int]:
    """The exact sum of squared errors of the bounded predictions, and the number of rows."""
    total, rows = 0.0, 0
    for batch in batches:
        stars = model.predict_stars(batch["user_index"], batch["song_index"]).numpy()
        errors = stars.astype(np.float64) - batch["rating"].numpy()
        total, rows = total + float(errors @ errors), rows + len(errors)
    return total, rows


def factor_model(name: str, model: TwoTowerDot, user_ids: Ints, song_ids: Ints) -> FactorModel:
    """The same scores as tables of offsets and factors; ids in the order of their indices."""
    users, songs = (t.table.numpy()[1:] for t in (model.user_tower, model.song_tower))
    return FactorModel(
        name=name,
        mean=float(model.mean),
        user_ids=user_ids,
        user_offsets=users[:, 0].astype(np.float64),
        user_factors=users[:, 1:],
        song_ids=song_ids,
        song_offsets=songs[:, 0].astype(np.float64),
        song_factors=songs[:, 1:],
        lowest=LOWEST,
        highest=HIGHEST,
    )


def save(model: TwoTowerDot, folder: Path) -> None:
    """Write a SavedModel whose signature maps user_index and song_index to stars."""
    tf.saved_model.save(model, str(folder), signatures=model.predict_stars)
