"""The train mean for everyone."""

from typing import Any

import numpy as np

from ymr_spark.models import sections
from ymr_spark.models.estimator import RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear import totals
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.packing import Packed


def fit(blocks: Packed) -> FactorModel:
    """The mean of the ratings, of rank 0; it knows their users and songs.

    Args:
        blocks: `packing.by_user` of the train ratings.
    """
    users, songs = totals.of_owners(blocks), totals.of_others(blocks)
    return FactorModel.of_offsets(
        "constant",
        songs.mean,
        (users.ids, np.zeros(len(users.ids))),
        (songs.ids, np.zeros(len(songs.ids))),
        blocks.scale,
    )


class ConstantModel(LinearModel):
    """A fitted `Constant`."""


class Constant(RatingEstimator[ConstantModel]):
    """The mean of all ratings, whoever rates whatever."""

    section = sections.Constant
    falls_back = False

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> ConstantModel:
        return ConstantModel(fit(ratings.by_user))
