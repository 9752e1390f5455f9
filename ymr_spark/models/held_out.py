"""Ratings to judge a model by while it is fitted, one element a row."""

import math
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.scorer import Scorer, predicted


@dataclass(frozen=True)
class HeldOut:
    """Arrays (rows,), by user and song."""

    users: Ints
    songs: Ints
    stars: Floats

    @classmethod
    def of(cls, ratings: DataFrame | None) -> "HeldOut":
        """The (user_id, song_id, rating) rows, collected; none of None."""
        if ratings is None:
            return cls(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
        columns = ratings.select("user_id", "song_id", "rating").toArrow().columns
        users, songs, stars = (column.to_numpy() for column in columns)
        order = np.lexsort((songs, users))
        return cls(users[order], songs[order], stars[order])

    @property
    def columns(self) -> tuple[Ints, Ints, Floats]:
        """Users, songs, stars."""
        return self.users, self.songs, self.stars

    def mse(self, scorer: Scorer, fallback: Scorer | None = None) -> float:
        """Mean squared error of the predictions, in stars squared; NaN of no rows.

        Args:
            fallback: scores what `scorer` does not know.
        """
        if not len(self.stars):
            return math.nan
        stars, _ = predicted(scorer, fallback, self.users, self.songs)
        return float(np.mean((stars - self.stars) ** 2))
