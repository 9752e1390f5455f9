"""The songs that were rated highest, for everybody."""

from typing import Any

import numpy as np

from ymr_spark.models import sections
from ymr_spark.models.estimator import RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear import totals
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings


class BestMeanModel(LinearModel):
    """A fitted `BestMean`."""


class BestMean(RatingEstimator[BestMeanModel]):
    """mean + b_song, b_song = Σ (r - mean) / (ratings of the song + damping)."""

    section = sections.BestMean
    falls_back = False

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> BestMeanModel:
        users, songs = totals.of_owners(ratings.by_user), totals.of_others(ratings.by_user)
        above = songs.stars - songs.mean * songs.ratings
        sides = (
            (users.ids, np.zeros(len(users.ids))),
            (songs.ids, above / (songs.ratings + settings["damping"])),
        )
        return BestMeanModel(FactorModel.of_offsets("best_mean", songs.mean, *sides, ratings.scale))
