"""What the two-tower models of TensorFlow Recommenders share: scale, loss and form."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ymr_spark import strict_json
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.two_tower.embeddings import Embeddings, held, joined
from ymr_spark.models.two_tower.newton import Newton
from ymr_spark.records.learning_curve import Curve
from ymr_spark.scale import Scale
from ymr_spark.store import atomically, scratch
from ymr_spark.store.locations import Location

_FURTHER_EPOCHS = 3
_EDGE = 0.001  # of the scale: 0.004 of five stars


class Towers(tfrs.Model):  # type: ignore[misc]
    """Predicts lowest + (highest - lowest) / (1 + e^-score), whose gradient ends nowhere.

    A model scores in `call` the columns of a batch that are its `features`, and gives by
    `artifact` the same scores without TensorFlow. Training makes the sum of `objective` small.

    Attributes:
        judged_by: its error, and the metric of it.
        unit: what training makes of a loss of 1 in stars squared.
        compiled: a step of a long training is one program of XLA, which passes over a batch's rows
            fewer times. It must know all shapes within; those of a batch, it knows.
    """

    judged_by: Literal["mse", "nats"] = "mse"
    compiled = True
    unit: Any = 1.0

    def __init__(
        self,
        mean: float,
        scale: Scale,
        features: Sequence[str],
        objective: tf.keras.losses.Loss,
    ) -> None:
        super().__init__()
        self.features, self.objective, self.scale = tuple(features), objective, scale
        self.noise = tf.Variable(scale.variance, trainable=False, name="noise")
        self.mean = tf.constant(score_of(mean, scale), tf.float32)
        self.task = tfrs.tasks.Ranking(
            loss=objective, metrics=[tf.keras.metrics.MeanSquaredError(name="mse")]
        )
        signature = [tf.TensorSpec((None,), tf.int32, name) for name in self.features]
        self.predict_stars = tf.function(self._stars, input_signature=signature)

    @property
    def tables(self) -> list[Embeddings]:
        """All of its tables, in one order."""
        return [layer for layer in self.submodules if isinstance(layer, Embeddings)]

    @property
    def learnt(self) -> list[tf.Variable]:
        """All that an epoch changes, the optimiser's own apart."""
        learnt = [variable for t in self.tables for variable in (t.l2, t.curvature)]
        return [*self.trainable_variables, self.noise, *learnt]

    def further_epochs(self, epochs: int, rate: float) -> int:
        """Over further rows alone, after as many epochs over others, until they count for about as
        much: a step of that rate is as if its rows had been seen rate / epochs times. No more than
        a few, since rows that move together by one error overshoot."""
        return min(_FURTHER_EPOCHS, max(1, round(epochs / rate)))

    def expect_error(self, train_mse: float | None) -> None:
        """Take an epoch's running error for the noise of ratings: not above that of ratings spread
        evenly, since raw rows have part in it, nor below that of rounding to the scale."""
        if train_mse is not None:
            self.noise.assign(self.bounded(train_mse))

    def bounded(self, mse: float) -> float:
        """Within those bounds."""
        return float(np.clip(mse, self.scale.step**2 / 12, self.scale.variance))

    def turn(self, optimizer: Newton) -> None:
        """Turn vectors that meet in a dot product to their principal axes, where there are such;
        no prediction changes."""

    def joined(self, user: tf.Tensor, song: tf.Tensor, *variances: tf.Tensor) -> tf.Tensor:
        """mean + `joined`, whose gradient is that of the loss expected of vectors that are not
        known exactly: by half its curvature times p² var q + q² var p above the loss itself.

        Args:
            variances: by `Embeddings.variances` of the same users and songs.
        """
        shares = tf.sigmoid(self.mean + joined(user, song))
        curvature = self.unit * self.scale.width**2 / 2 * shares * (1 - shares)
        weight = (self.noise * curvature)[:, None]
        of_user, of_song = variances
        return self.mean + joined(held(user, weight * of_song), held(song, weight * of_user))

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """The task's loss of one batch."""
        stars = self.stars(inputs, training)
        return self.task(labels=tf.cast(inputs["rating"], tf.float32), predictions=stars)

    def sums(self, inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """The loss of a batch that training makes small, and its sum of what judges it."""
        stars, ratings = self.stars(inputs, training=True), tf.cast(inputs["rating"], tf.float32)
        return tf.reduce_sum(self.objective.call(ratings, stars)), tf.reduce_sum(
            (stars - ratings) ** 2
        )

    def error(self, batches: tf.data.Dataset) -> tuple[float, int]:
        """The exact sum of squared errors of the bounded predictions, and the number of rows."""
        total, rows = 0.0, 0
        for batch in batches:
            stars = self.predict_stars(*(batch[name] for name in self.features)).numpy()
            errors = stars.astype(np.float64) - batch["rating"].numpy()
            total, rows = total + float(errors @ errors), rows + len(errors)
        return total, rows

    def stars(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Predictions (rows,), between the ends of the scale."""
        return self.within(self(inputs, training=training))

    def within(self, scores: tf.Tensor) -> tf.Tensor:
        """Scores (rows,) brought between the ends of the scale."""
        return self.scale.lowest + self.scale.width * tf.sigmoid(scores)

    def _stars(self, *indices: tf.Tensor) -> tf.Tensor:
        """Predictions (rows,) in stars, given the columns of `features`, each (rows,)."""
        return self.stars(dict(zip(self.features, indices, strict=True)))


def score_of(mean: float, scale: Scale) -> float:
    """The score that predicts the mean rating; of one at an end of the scale, which no score
    predicts, that of `_EDGE` of the scale within.
    """
    share = float(np.clip(share_of(scale, mean), _EDGE, 1 - _EDGE))
    return float(np.log(share / (1 - share)))


def share_of(scale: Scale, stars: Any) -> Any:
    """0 for the lowest rating, 1 for the highest."""
    return (stars - scale.lowest) / scale.width


class CrossEntropy(tf.keras.losses.Loss):  # type: ignore[misc]
    """w² / 2 (-y log p - (1 - y) log(1 - p)) of ratings y and predictions p as shares of the
    scale, whose width is w.

    Its least mean is at the mean rating, as that of the squared error is; but it counts an error
    for more near the ends of the scale, where ratings vary less (the quasi-likelihood of Papke
    and Wooldridge 1996), and so finds that mean with fewer ratings. The factor gives it the
    curvature of the squared error, as a function of the score, at the middle of the scale.
    """

    def __init__(self, scale: Scale) -> None:
        super().__init__(tf.keras.losses.Reduction.SUM)
        self.scale = scale

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """(rows,) of ratings and predictions in stars, (rows,) each."""
        shares = (share_of(self.scale, stars)[:, None] for stars in (y_true, y_pred))
        return self.scale.width**2 / 2 * tf.keras.losses.binary_crossentropy(*shares)


class SquaredError(tf.keras.losses.Loss):  # type: ignore[misc]
    """That of each row; Keras' own would be the mean of the last axis, which is that of rows."""

    def __init__(self) -> None:
        super().__init__(tf.keras.losses.Reduction.SUM)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """(rows,) of ratings and predictions in stars, (rows,) each."""
        return (y_true - y_pred) ** 2


def factor_model(
    towers: Towers, name: str, user_ids: Ints, users: Floats, song_ids: Ints, songs: Floats
) -> FactorModel:
    """The scores mean + `joined` of (ids, 1 + dimension) rows; the ids ascend."""
    return FactorModel(
        name=name,
        mean=float(towers.mean),
        user_ids=user_ids,
        user_offsets=users[:, 0].astype(np.float64),
        user_factors=users[:, 1:],
        song_ids=song_ids,
        song_offsets=songs[:, 0].astype(np.float64),
        song_factors=songs[:, 1:],
        scale=towers.scale,
        link="logistic",
    )


def keep(model: Towers, curve: Curve, folder: Location) -> None:
    """Write a SavedModel whose signature maps the columns of `features` to stars, and the curve."""
    with (
        atomically.replacing(folder / "saved_model") as partial,
        scratch.filled(partial) as path,
    ):
        tf.saved_model.save(model, str(path), signatures=model.predict_stars)
    points = [point.model_dump(exclude_unset=True) for point in curve]
    atomically.write(folder / "learning_curve.json", strict_json.dumps(points, indent=1))
