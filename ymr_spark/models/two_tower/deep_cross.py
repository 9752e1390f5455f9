"""A song tower that reads a song's content, and so has a vector for songs that nobody rated."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ymr_spark.models.arrays import Ints
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.two_tower import priors
from ymr_spark.models.two_tower.embeddings import Embeddings, of_catalogue
from ymr_spark.models.two_tower.newton import Newton
from ymr_spark.models.two_tower.towers import CrossEntropy, Towers, factor_model
from ymr_spark.scale import Scale

CONTENT = ("album_index", "artist_index", "genre_index", "top_genre_index", "level")
_LEVELS = 3
_CROSS_RANK = 8


class Content(tf.keras.layers.Layer):  # type: ignore[misc]
    """Rows of the attributes' embeddings, their sum, and what they say only together.

    The latter is a deep & cross network, the low-rank cross layer and a ReLU layer side by side
    (Wang et al., DCN V2, 2021), followed by a linear layer.
    """

    def __init__(
        self,
        ratings: Mapping[str, Ints],
        columns: int,
        width: int,
        l2: float,
        random: np.random.Generator,
    ) -> None:
        super().__init__()
        counts = [ratings[name] for name in CONTENT[:-1]]
        levels = np.minimum(np.arange(len(ratings["level"])), _LEVELS)
        counts.append(np.bincount(levels, ratings["level"], 1 + _LEVELS).astype(np.int64))
        self.rows = Embeddings(counts, columns, l2, random)
        start = [
            tf.keras.initializers.GlorotUniform(int(s)) for s in random.integers(2**31, size=3)
        ]
        self.cross = tfrs.layers.dcn.Cross(_CROSS_RANK, kernel_initializer=start[0])
        self.deep = tf.keras.layers.Dense(width, "relu", kernel_initializer=start[1])
        self.linear = tf.keras.layers.Dense(columns, use_bias=False, kernel_initializer=start[2])
        self.inputs = len(CONTENT) * columns
        # Layers make their weights at their first call, the optimiser wants them before.
        self._together(tf.zeros((1, len(CONTENT), columns)))

    def call(self, features: dict[str, tf.Tensor]) -> tf.Tensor:
        """Offset and vector (rows, columns) of songs, given the columns of `CONTENT`."""
        index = [features[name] for name in CONTENT]
        index[-1] = tf.minimum(index[-1], _LEVELS)
        rows = self.rows(index)
        return tf.reduce_sum(rows, axis=1) + self._together(rows)

    def _together(self, rows: tf.Tensor) -> tf.Tensor:
        side_by_side = tf.reshape(rows, (-1, self.inputs))
        found = [self.cross(side_by_side), self.deep(side_by_side)]
        return self.linear(tf.concat(found, axis=1))


class CrossTowers(Towers):
    """score = mean + b_u + b_s + p_u · q_s; a song's b_s and q_s are its own row + its content's.

    In training the song's own row is left out now and then, so that its content learns what the
    row otherwise takes, and scores songs without a row (index 0).

    Args:
        ratings: by column of the shards, as for `Embeddings`.
        width: of the ReLU layer.
        song_dropout: the share of the train rows that content alone scores.
    """

    def __init__(
        self,
        ratings: Mapping[str, Ints],
        mean: float,
        scale: Scale,
        *,
        dimension: int,
        width: int,
        song_dropout: float,
        l2: float,
        seed: int,
    ) -> None:
        features = ("user_index", "song_index", *CONTENT)
        super().__init__(mean, scale, features, CrossEntropy(scale))
        random = np.random.default_rng(seed)
        users, songs = ([ratings[name]] for name in self.features[:2])
        self.user_tower = Embeddings(users, dimension, l2, random, offset=True)
        self.own = Embeddings(songs, dimension, l2, random, offset=True)
        self.content = Content(ratings, 1 + dimension, width, l2, random)
        # The network's own axes are those that it began with.
        self.axes = tf.Variable(tf.eye(dimension), trainable=False, name="axes")
        self.song_dropout, self.seed = song_dropout, seed

    def call(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Scores (rows,), before the scale is put on."""
        user = tf.squeeze(self.user_tower([features["user_index"]]), axis=1)
        variances = [
            self.user_tower.variances([features["user_index"]]),
            self.own.variances([features["song_index"]]),
        ]
        return self.joined(user, self.songs(features, training), *variances)

    def songs(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Offset and vector (rows, 1 + dimension) of songs."""
        index = features["song_index"]
        own = tf.squeeze(self.own([index]), axis=1)
        if training:
            own *= tf.cast(self._kept(tf.shape(index)), tf.float32)[:, None]
        content = self.content(features)
        return own + tf.concat([content[:, :1], content[:, 1:] @ self.axes], axis=1)

    @property
    def learnt(self) -> list[tf.Variable]:
        """The axes that the network's vectors are turned to, too."""
        return [*super().learnt, self.axes]

    def turn(self, optimizer: Newton) -> None:
        """As `priors.turn` has it; what the network gives is turned after it."""
        turned = priors.turn(self.user_tower, self.own, optimizer)
        self.axes.assign(self.axes @ tf.constant(turned, tf.float32))

    def _kept(self, shape: tf.Tensor) -> tf.Tensor:
        # A function of seed and step, so that a resumed training goes on with the same draws.
        step = tf.cast(self.optimizer.iterations, tf.int32)
        return tf.random.stateless_uniform(shape, (self.seed, step)) >= self.song_dropout

    def artifact(
        self, name: str, ids: Mapping[str, Ints], songs: Mapping[str, Ints]
    ) -> FactorModel:
        """The same scores as factors: of the train rows' users, of all songs of the catalogue.

        Args:
            ids: "user": the ids of the indices from 1.
            songs: as for `DotTowers.artifact`.
        """
        rows = of_catalogue(self.songs, songs, self.features[1:])
        users = self.user_tower.table.numpy()[1:]
        return factor_model(self, name, ids["user"], users, songs["song_id"], rows)
