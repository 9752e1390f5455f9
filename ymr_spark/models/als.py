"""Spark's ALS on the ratings as they are: score = p_u · q_s."""

import numpy as np
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark.models.factors import FactorModel, Floats, Ints


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
    offsets = np.zeros(len(user_ids)), np.zeros(len(song_ids))
    return FactorModel("als", 0.0, user_ids, offsets[0], users, song_ids, offsets[1], songs)


def _by_id(factors: DataFrame, rank: int) -> tuple[Ints, Floats]:
    """(id, features) rows as ascending ids (n,) and factors (n, rank)."""
    table = factors.toArrow().sort_by("id").combine_chunks()
    values = table.column("features").combine_chunks().flatten().to_numpy()
    return table.column("id").to_numpy(), values.reshape(-1, rank)
