"""Spark's ALS on the ratings as they are: score = p_u · q_s."""

from typing import Any

import numpy as np
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark.models import sections
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.estimator import HasCheckpointDir, RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.packing import flat
from ymr_spark.ratings import scale_of


def fit(
    ratings: DataFrame,
    rank: int,
    regularization: float,
    iterations: int,
    blocks: int,
    checkpoint_interval: int,
    seed: int,
) -> FactorModel:
    """Factors of (user_id, song_id, rating) rows by alternating least squares.

    The rows must come out the same at every evaluation: read them from a table's version. ALS
    cuts its lineage only where the Spark context has a checkpoint directory.

    Args:
        regularization: times each user's and song's number of ratings (ALS-WR).
    """
    scale = scale_of(ratings)
    als = ALS(
        userCol="user_id",
        itemCol="song_id",
        ratingCol="rating",
        rank=rank,
        regParam=regularization,
        maxIter=iterations,
        numUserBlocks=blocks,
        numItemBlocks=blocks,
        checkpointInterval=checkpoint_interval,
        seed=seed,
    )
    fitted = als.fit(ratings.select("user_id", "song_id", F.col("rating").cast("float")))
    user_ids, users = _by_id(fitted.userFactors, rank)
    song_ids, songs = _by_id(fitted.itemFactors, rank)
    sides = (user_ids, np.zeros(len(user_ids)), users, song_ids, np.zeros(len(song_ids)), songs)
    return FactorModel("als", 0.0, *sides, scale)


def _by_id(factors: DataFrame, rank: int) -> tuple[Ints, Floats]:
    """(id, features) rows as ascending ids (n,) and factors (n, rank)."""
    table = factors.toArrow().sort_by("id")
    return table["id"].to_numpy(), flat(table, "features").reshape(-1, rank)


class AlsModel(LinearModel):
    """A fitted `Als`."""


class Als(RatingEstimator[AlsModel], HasCheckpointDir):
    """`pyspark.ml.recommendation.ALS` of the ratings as they are, with a fallback.

    It cuts its lineage where `checkpointDir` is given or the Spark context has one.
    """

    section = sections.Als

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> AlsModel:
        if self.isSet("checkpointDir"):
            context = ratings.train.sparkSession.sparkContext
            context.setCheckpointDir(self.getOrDefault("checkpointDir"))
        return AlsModel(fit(ratings.train, **settings, seed=self.getOrDefault("seed")))
