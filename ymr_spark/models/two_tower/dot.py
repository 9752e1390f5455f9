"""Towers with offsets, joined by a dot product; a song begins with what its attributes share."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from ymr_spark.models.arrays import Ints
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.two_tower import priors
from ymr_spark.models.two_tower.embeddings import Embeddings, of_catalogue
from ymr_spark.models.two_tower.newton import Newton
from ymr_spark.models.two_tower.towers import CrossEntropy, Towers, factor_model
from ymr_spark.scale import Scale


class DotTowers(Towers):
    """score = mean + b_u + b_s + p_u · q_s; what is unknown adds nothing.

    A song's b_s and q_s are its own row plus those of its attributes, so that songs of one artist
    begin alike, and a song that nobody rated is not without any.

    Args:
        ratings: by column of the shards, as for `Embeddings`.
        attributes: of songs, each with a column of its own.
    """

    def __init__(
        self,
        ratings: Mapping[str, Ints],
        mean: float,
        scale: Scale,
        *,
        attributes: Sequence[str],
        dimension: int,
        l2: float,
        seed: int,
    ) -> None:
        of_song = ("song_index", *(f"{name}_index" for name in attributes))
        super().__init__(mean, scale, ("user_index", *of_song), CrossEntropy(scale))
        random = np.random.default_rng(seed)
        self.user_tower = Embeddings([ratings["user_index"]], dimension, l2, random, offset=True)
        mine = [ratings[name] for name in of_song]
        self.song_tower = Embeddings(mine, dimension, l2, random, offset=True)

    def call(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Scores (rows,), before the scale is put on."""
        user = tf.squeeze(self.user_tower([features["user_index"]]), axis=1)
        variances = [
            self.user_tower.variances([features["user_index"]]),
            self.song_tower.variances([features[name] for name in self.features[1:]]),
        ]
        return self.joined(user, self.songs(features), *variances)

    def songs(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Offset and vector (rows, 1 + dimension) of songs."""
        rows = self.song_tower([features[name] for name in self.features[1:]])
        return tf.reduce_sum(rows, axis=1)

    def turn(self, optimizer: Newton) -> None:
        """As `priors.turn` has it."""
        priors.turn(self.user_tower, self.song_tower, optimizer)

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
        return factor_model(self, name, ids["user"], users, songs["song_id"][known], rows[known])
