"""The lowest or the highest rating for everything: the study's default for unknown taste.

Which of them goes by the user's tendency.
"""

from typing import Any

import numpy as np

from ymr_spark.models import sections
from ymr_spark.models.arrays import Floats
from ymr_spark.models.estimator import RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear import totals
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.packing import Packed


def fit(blocks: Packed, damping: float) -> tuple[FactorModel, float | None]:
    """The highest rating for users whose shrunk mean reaches a threshold, the lowest for others.

    A user's shrunk mean is (sum of stars + damping · mean) / (ratings + damping). The threshold
    is the one of least squared error on the train ratings; the model's mean is whichever end of
    the scale alone fits them better, and what users without ratings get.

    Args:
        blocks: `packing.by_user` of the train ratings.

    Returns:
        The model, of rank 0 and without song offsets, and the threshold in stars, None where no
        user reaches one.
    """
    scale = blocks.scale
    users, songs = totals.of_owners(blocks), totals.of_others(blocks)
    lean = (users.stars + damping * songs.mean) / (users.ratings + damping)
    excess = users.stars - scale.middle * users.ratings
    threshold = best_threshold(lean, excess)
    high = np.zeros(len(lean), bool) if threshold is None else lean >= threshold
    overall = scale.highest if excess.sum() >= 0 else scale.lowest
    offsets = np.where(high, scale.highest, scale.lowest) - overall
    of_songs = songs.ids, np.zeros(len(songs.ids))
    model = FactorModel.of_offsets("user_lean", overall, (users.ids, offsets), of_songs, scale)
    return model, threshold


def best_threshold(lean: Floats, excess: Floats) -> float | None:
    """The threshold t, one of `lean`, of least squared error; None if the highest rating is best
    for no user.

    Predicting it rather than the lowest for a user changes the sum of squares by twice the width
    of the scale times Σ (middle - r), so the best t has the largest sum of `excess`
    = Σ (r - middle) over the users with lean >= t.
    """
    order = np.argsort(-lean, kind="stable")
    gains = np.cumsum(excess[order])
    last_of_equals = np.r_[lean[order][1:] != lean[order][:-1], True]
    gains = np.where(last_of_equals, gains, -np.inf)
    best = int(np.argmax(gains))
    return float(lean[order][best]) if gains[best] > 0 else None


class UserLeanModel(LinearModel):
    """A fitted `UserLean`."""


class UserLean(RatingEstimator[UserLeanModel]):
    """The lowest or the highest rating for everything, by the user's mean."""

    section = sections.UserLean
    falls_back = False

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> UserLeanModel:
        model, threshold = fit(ratings.by_user, **settings)
        return UserLeanModel(model, figures={"threshold": threshold})
