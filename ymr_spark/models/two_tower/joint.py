"""Towers that learn from what was rated and from how: one vector of each user for both."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ymr_spark.models.arrays import Ints
from ymr_spark.models.two_tower.embeddings import Embeddings, of_catalogue
from ymr_spark.models.two_tower.joint_model import JointModel
from ymr_spark.models.two_tower.retrieval import NOISE, Softmax, ranker
from ymr_spark.models.two_tower.towers import CrossEntropy, Towers, factor_model
from ymr_spark.scale import Scale


class JointTowers(Towers):
    """rating    = mean + b_u + b_s + p_u · q_s
    listening = ln n_s + c_s + p_u · r_s

    The loss is that of a rating, as for `DotTowers` but in nats, over all rows, and that of
    listening, as for `RetrievalTowers`, over a share of them: a weight that leaves the squared
    gradient of the loss its curvature in the mean.

    Args:
        ratings: by column of the shards, as for `Embeddings`.
        attributes: of songs, each with a column of its own.
        negatives: rows of a batch whose songs stand against each other.
        listening: the share of each batch's rows, which are in random order.
    """

    compiled = False  # as `RetrievalTowers`

    def __init__(
        self,
        ratings: Mapping[str, Ints],
        mean: float,
        scale: Scale,
        *,
        attributes: Sequence[str],
        dimension: int,
        negatives: int,
        listening: float,
        l2: float,
        seed: int,
    ) -> None:
        of_song = ("song_index", *(f"{name}_index" for name in attributes))
        super().__init__(mean, scale, ("user_index", *of_song), CrossEntropy(scale))
        random = np.random.default_rng(seed)
        self.user_tower = Embeddings([ratings["user_index"]], dimension, l2, random, offset=True)
        mine = [ratings[name] for name in of_song]
        # b_s, q_s, c_s and r_s in one row.
        self.song_tower = Embeddings(mine, 2 * dimension + 1, l2, random, offset=True)
        self.dimension, self.listening = dimension, listening
        self.softmax = Softmax(ratings["song_index"], negatives)
        self.noise.assign(NOISE)
        self.squares = tf.Variable(scale.variance, trainable=False, name="squares")

    @property
    def learnt(self) -> list[tf.Variable]:
        """The variance of a rating about its prediction, too."""
        return [*super().learnt, self.squares]

    @property
    def unit(self) -> tf.Tensor:
        """Nats that a loss of 1 in stars squared is."""
        return 1 / (2 * self.squares)

    def expect_error(self, train_mse: float | None) -> None:
        """Take an epoch's running error for that variance."""
        if train_mse is not None:
            self.squares.assign(self.bounded(train_mse))

    def call(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Scores of ratings (rows,), before the scale is put on."""
        return self._rated(*self._rows(features), features)

    def songs(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Offset and vector (rows, 1 + dimension) of songs, for ratings."""
        return self._song(features)[:, : 1 + self.dimension]

    def listened(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The same for listening."""
        return self._listened(self._song(features), features["song_index"])

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """The sum over the rows of one batch, in nats."""
        stars, listening = self._both(inputs)
        ratings = tf.cast(inputs["rating"], tf.float32)
        return self.task(labels=ratings, predictions=stars) * self.unit + listening

    def sums(self, inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """That loss, and the sum of squared errors."""
        stars, listening = self._both(inputs)
        ratings = tf.cast(inputs["rating"], tf.float32)
        rated = tf.reduce_sum(self.objective.call(ratings, stars))
        return rated * self.unit + listening, tf.reduce_sum((stars - ratings) ** 2)

    def artifact(self, name: str, ids: Mapping[str, Ints], songs: Mapping[str, Ints]) -> JointModel:
        """The same scores as factors: of the train rows' users, of all songs of the catalogue.

        Args:
            ids, songs: as for `DotTowers.artifact`.
        """
        users: Any = self.user_tower.table.numpy()[1:]
        rows, listened = (
            of_catalogue(rows_of, songs, self.features[1:])
            for rows_of in (self.songs, self.listened)
        )
        known = rows.any(axis=1)
        return JointModel(
            factor_model(self, name, ids["user"], users, songs["song_id"][known], rows[known]),
            ranker(name, self.scale, ids["user"], users[:, 1:], songs["song_id"], listened),
        )

    def _rows(self, features: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Of users, and of songs with what their attributes add."""
        user = tf.squeeze(self.user_tower([features["user_index"]]), axis=1)
        return user, self._song(features)

    def _song(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        rows = self.song_tower([features[name] for name in self.features[1:]])
        return tf.reduce_sum(rows, axis=1)

    def _rated(
        self, user: tf.Tensor, song: tf.Tensor, features: Mapping[str, tf.Tensor]
    ) -> tf.Tensor:
        of_user = self.user_tower.variances([features["user_index"]])
        of_song = self.song_tower.variances([features[name] for name in self.features[1:]])
        rated = slice(1 + self.dimension)
        return self.joined(user, song[:, rated], of_user, of_song[:, rated])

    def _listened(self, song: tf.Tensor, song_index: tf.Tensor) -> tf.Tensor:
        return self.softmax.songs(song[:, 1 + self.dimension :], song_index)

    def _both(self, inputs: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Predicted stars (rows,), and the loss of listening: by one lookup of the rows."""
        user, song = self._rows(inputs)
        rows = tf.cast(tf.shape(user)[0], tf.float32)
        some = slice(tf.cast(tf.math.ceil(self.listening * rows), tf.int32))
        index = inputs["song_index"][some]
        users, songs = self.softmax.users(user[some, 1:]), self._listened(song[some], index)
        stars = self.within(self._rated(user, song, inputs))
        return stars, self.softmax.loss(users, songs, index)
