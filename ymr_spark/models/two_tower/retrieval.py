"""Towers that find what a user listens to: a softmax over the songs of each batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.two_tower import priors
from ymr_spark.models.two_tower.embeddings import Embeddings, of_catalogue
from ymr_spark.models.two_tower.newton import Newton
from ymr_spark.models.two_tower.towers import CrossEntropy, Towers
from ymr_spark.scale import Scale

# Ratings of a song that nobody rated, in the logarithm.
_UNRATED = 0.5
# Of a softmax: the squared gradient of its loss is in the mean its curvature.
NOISE = 0.5


class Softmax(tf.Module):  # type: ignore[misc]
    """-log of the softmax of a row's song among those of `negatives` rows of the batch, from whose
    scores the logarithm of their chance to be there is taken (Yi et al. 2019, equation 3), and the
    song itself where it is there again.

    Args:
        ratings: (indices,) train ratings of each song.
        negatives: rows of a batch whose songs stand against each other.
    """

    def __init__(self, ratings: Ints, negatives: int) -> None:
        super().__init__()
        loss = tf.keras.losses.CategoricalCrossentropy(
            from_logits=True, reduction=tf.keras.losses.Reduction.SUM
        )
        self._task = tfrs.tasks.Retrieval(loss=loss, metrics=None, remove_accidental_hits=True)
        self._negatives = negatives
        counts = np.maximum(ratings, _UNRATED)
        self._popularity = tf.constant(np.log(counts), tf.float32)
        # TensorFlow Recommenders cuts chances at 1e-6 and 1; a common factor changes nothing.
        self._chances = tf.constant(counts / counts.max(), tf.float32)

    def users(self, vectors: tf.Tensor) -> tf.Tensor:
        """1 and vector (rows, 1 + dimension) of users."""
        return tf.concat([tf.ones_like(vectors[:, :1]), vectors], axis=1)

    def songs(self, rows: tf.Tensor, song_index: tf.Tensor) -> tf.Tensor:
        """Offset and vector (rows, 1 + dimension) of songs, ln n_s added to the offsets, n_s being
        the number of a song's train ratings."""
        popularity = tf.gather(self._popularity, song_index)[:, None]
        return tf.concat([rows[:, :1] + popularity, rows[:, 1:]], axis=1)

    @tf.function  # type: ignore[untyped-decorator]
    def loss(self, users: tf.Tensor, songs: tf.Tensor, song_index: tf.Tensor) -> tf.Tensor:
        """The sum over the rows, whose users and songs are (rows, columns), of a product each."""
        chances = tf.gather(self._chances, song_index)
        total = 0.0
        for first in tf.range(0, tf.shape(song_index)[0], self._negatives):
            some = slice(first, first + self._negatives)
            total += self._task(
                users[some],
                songs[some],
                candidate_sampling_probability=chances[some],
                candidate_ids=song_index[some],
                compute_metrics=False,
            )
        return total


class RetrievalTowers(Towers):
    """score = ln n_s + b_s + p_u · q_s, n_s being the song's number of train ratings: the
    logarithm of the chance that the next song of a user is this one, but for a summand.

    The loss is `Softmax`. What is learnt is how a user differs from all: without ratings of their
    own, users get popular songs, and songs the chance of few ratings and what their attributes say.

    Args:
        ratings: by column of the shards, as for `Embeddings`.
        attributes: of songs, each with a column of its own.
        negatives: rows of a batch whose songs stand against each other.
    """

    judged_by = "nats"
    compiled = False  # XLA does not know the shape of the part of a batch in `Softmax`

    def __init__(
        self,
        ratings: Mapping[str, Ints],
        mean: float,
        scale: Scale,
        *,
        attributes: Sequence[str],
        dimension: int,
        negatives: int,
        l2: float,
        seed: int,
    ) -> None:
        of_song = ("song_index", *(f"{name}_index" for name in attributes))
        super().__init__(mean, scale, ("user_index", *of_song), CrossEntropy(scale))
        random = np.random.default_rng(seed)
        self.user_tower = Embeddings([ratings["user_index"]], dimension, l2, random)
        mine = [ratings[name] for name in of_song]
        self.song_tower = Embeddings(mine, dimension, l2, random, offset=True)
        self.softmax = Softmax(ratings["song_index"], negatives)
        self.noise.assign(NOISE)
        self.nats = tf.keras.metrics.Mean("nats")
        signature = [tf.TensorSpec((None,), tf.int32, name) for name in self.features]
        self._judged = tf.function(self._loss_of, input_signature=signature)

    def call(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Scores (rows,)."""
        return tf.reduce_sum(self.users(features) * self.songs(features), axis=1)

    def users(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """As `Softmax.users`."""
        return self.softmax.users(tf.squeeze(self.user_tower([features["user_index"]]), axis=1))

    def songs(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """As `Softmax.songs`."""
        rows = self.song_tower([features[name] for name in self.features[1:]])
        return self.softmax.songs(tf.reduce_sum(rows, axis=1), features["song_index"])

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """The sum over the rows of one batch."""
        total = self.sums(inputs)[0]
        rows = tf.cast(tf.shape(inputs["song_index"])[0], tf.float32)
        self.nats.update_state(total / rows, rows)
        return total

    def sums(self, inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """That loss, which judges, too."""
        total = self.softmax.loss(self.users(inputs), self.songs(inputs), inputs["song_index"])
        return total, total

    def error(self, batches: tf.data.Dataset) -> tuple[float, int]:
        """The sum of the losses of rows in batches, and the number of rows."""
        total, rows = 0.0, 0
        for batch in batches:
            total += float(self._judged(*(batch[name] for name in self.features)))
            rows += len(batch["song_index"])
        return total, rows

    def stars(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Scores (rows,): it knows no stars."""
        return self(inputs, training=training)

    def _loss_of(self, *columns: tf.Tensor) -> tf.Tensor:
        return self.sums(dict(zip(self.features, columns, strict=True)))[0]

    def expect_error(self, train_mse: float | None) -> None:
        """Nothing: a softmax has no noise of its own."""

    def turn(self, optimizer: Newton) -> None:
        """As `priors.turn` has it."""
        priors.turn(self.user_tower, self.song_tower, optimizer)

    def artifact(
        self, name: str, ids: Mapping[str, Ints], songs: Mapping[str, Ints]
    ) -> FactorModel:
        """The same scores as factors: of the train rows' users, and of all songs of the catalogue.

        Args:
            ids, songs: as for `DotTowers.artifact`.
        """
        rows = of_catalogue(self.songs, songs, self.features[1:])
        users: Any = self.user_tower.table.numpy()[1:]
        return ranker(name, self.scale, ids["user"], users, songs["song_id"], rows)


def ranker(
    name: str, scale: Scale, user_ids: Ints, users: Floats, song_ids: Ints, songs: Floats
) -> FactorModel:
    """The score that is the logarithm of a chance, of vectors (users, dimension) and of rows
    (songs, 1 + dimension) by `Softmax.songs`; the ids ascend."""
    return FactorModel(
        name=name,
        mean=0.0,
        user_ids=user_ids,
        user_offsets=np.zeros(len(user_ids)),
        user_factors=users,
        song_ids=song_ids,
        song_offsets=songs[:, 0].astype(np.float64),
        song_factors=songs[:, 1:],
        scale=scale,
        link="log_chance",
    )
