"""What the two-tower models of TensorFlow Recommenders share: scale, loss and form."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ymr_spark.models.factors import FactorModel, Floats, Ints

LOWEST, HIGHEST = 1.0, 5.0
_EDGE = 0.001  # of the scale: 0.004 stars


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
        self.mean = tf.constant(score_of(mean), tf.float32)
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


def score_of(mean: float) -> float:
    """The score that predicts the mean rating; of one at an end of the scale, which no score
    predicts, that of `_EDGE` of the scale within.
    """
    share = float(np.clip(share_of_scale(mean), _EDGE, 1 - _EDGE))
    return float(np.log(share / (1 - share)))


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


def squared_error(model: TwoTower, batches: tf.data.Dataset) -> tuple[float, int]:
    """The exact sum of squared errors of the bounded predictions, and the number of rows."""
    total, rows = 0.0, 0
    for batch in batches:
        stars = model.predict_stars(*(batch[name] for name in model.features)).numpy()
        errors = stars.astype(np.float64) - batch["rating"].numpy()
        total, rows = total + float(errors @ errors), rows + len(errors)
    return total, rows


def save(model: TwoTower, folder: Path) -> None:
    """Write a SavedModel whose signature maps the columns of `features` to stars."""
    tf.saved_model.save(model, str(folder), signatures=model.predict_stars)
