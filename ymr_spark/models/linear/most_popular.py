"""The songs that most have rated, for everybody."""

from typing import Any

import numpy as np

from ymr_spark.models import sections
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.estimator import RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear import totals
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.scale import Scale


def of_counts(
    song_ids: Ints, ratings: Ints | Floats, scale: Scale, users: Ints | None = None
) -> FactorModel:
    """score = ln(ratings of the song).

    Args:
        song_ids: ascending.
        ratings: (songs,), at least one of each.
        users: ids that it knows, ascending.
    """
    known = np.array([-1], np.int32) if users is None else users
    sides = (known, np.zeros(len(known))), (song_ids, np.log(ratings))
    return FactorModel.of_offsets("most_popular", 0.0, *sides, scale, "log_chance")


class MostPopularModel(LinearModel):
    """A fitted `MostPopular`."""


class MostPopular(RatingEstimator[MostPopularModel]):
    """Songs in the order of their numbers of ratings; its prediction is the logarithm of that."""

    section = sections.MostPopular
    falls_back = False

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> MostPopularModel:
        users, songs = totals.of_owners(ratings.by_user), totals.of_others(ratings.by_user)
        return MostPopularModel(of_counts(songs.ids, songs.ratings, ratings.scale, users.ids))
