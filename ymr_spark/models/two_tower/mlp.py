"""The study's own model: both embeddings side by side through dense layers."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ymr_spark.models.arrays import Ints
from ymr_spark.models.two_tower.dense import MlpModel
from ymr_spark.models.two_tower.embeddings import Embeddings
from ymr_spark.models.two_tower.towers import SquaredError, Towers
from ymr_spark.scale import Scale


class MlpTowers(Towers):
    """score = mean + dense(relu(dense(relu(dense([p_u, q_s]))))), of widths `layers` and 1.

    Args:
        ratings: by column of the shards, as for `Embeddings`.
    """

    def __init__(
        self,
        ratings: Mapping[str, Ints],
        mean: float,
        scale: Scale,
        *,
        dimension: int,
        layers: tuple[int, ...],
        l2: float,
        seed: int,
    ) -> None:
        features = ("user_index", "song_index")
        super().__init__(mean, scale, features, SquaredError())
        random = np.random.default_rng(seed)
        self.user_tower, self.song_tower = (
            Embeddings([ratings[name]], dimension, l2, random) for name in features
        )
        self.dense = dense_layers(layers, seed)
        self.dense.build((None, 2 * dimension))

    def further_epochs(self, epochs: int, rate: float) -> int:
        """One, since the layers forget what they do not see."""
        return 1

    def call(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Scores (rows,), before the scale is put on."""
        user = tf.squeeze(self.user_tower([features["user_index"]]), axis=1)
        song = tf.squeeze(self.song_tower([features["song_index"]]), axis=1)
        return self.mean + self.dense(tf.concat([user, song], axis=1))[:, 0]

    def artifact(self, name: str, ids: Mapping[str, Ints], songs: Mapping[str, Ints]) -> MlpModel:
        """The same scores by numpy, of users and songs with train rows; `ids` has "user" and
        "song", `songs` is not read."""
        layers = tuple((d.kernel.numpy(), d.bias.numpy()) for d in self.dense.layers)
        towers = {"user": self.user_tower, "song": self.song_tower}
        rated = {side: tower.ratings[1:] > 0 for side, tower in towers.items()}
        ids = {side: ids[side][rated[side]] for side in towers}
        rows = {side: tower.table.numpy()[1:][rated[side]] for side, tower in towers.items()}
        sides = ids["user"], rows["user"], ids["song"], rows["song"]
        return MlpModel(name, float(self.mean), *sides, layers, self.scale, "logistic")


def dense_layers(widths: tuple[int, ...], seed: int) -> tf.keras.Sequential:
    """ReLU layers of these widths, then a linear one of width 1."""
    starts = [tf.keras.initializers.GlorotUniform(seed + i) for i in range(len(widths) + 1)]
    hidden = [
        tf.keras.layers.Dense(width, "relu", kernel_initializer=start)
        for width, start in zip(widths, starts, strict=False)
    ]
    return tf.keras.Sequential([*hidden, tf.keras.layers.Dense(1, kernel_initializer=starts[-1])])
