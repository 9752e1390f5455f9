"""Train rows of a sample of users, cut into folds: seeded, blind to partitioning and order."""

from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark.models.latent_factor_training import Rows


@dataclass(frozen=True)
class Fold:
    """The rows to fit on, in Spark and here, and those held out."""

    frame: DataFrame
    train: Rows
    held_out: Rows


def of_users(ratings: DataFrame, share: float, seed: int) -> DataFrame:
    """All (user_id, song_id, rating) rows of about that share of the users."""
    chance = F.shiftrightunsigned(F.xxhash64("user_id", F.lit(seed)), 11) * 2.0**-53
    return ratings.where(chance < share).select("user_id", "song_id", "rating")


def cut(ratings: DataFrame, count: int, seed: int) -> list[Fold]:
    """Each row is held out in one of the folds, by a hash of (user, song, seed)."""
    fold = F.pmod(F.xxhash64("user_id", "song_id", F.lit(seed)), F.lit(count))
    numbered = ratings.withColumn("fold", fold).persist()
    return [_fold(numbered, number) for number in range(count)]


def _fold(numbered: DataFrame, number: int) -> Fold:
    train = numbered.where(F.col("fold") != number).drop("fold")
    held_out = numbered.where(F.col("fold") == number).drop("fold")
    return Fold(train, _rows(train), _rows(held_out))


def _rows(ratings: DataFrame) -> Rows:
    """By user and song."""
    users, songs, stars = (column.to_numpy() for column in ratings.toArrow().columns)
    order = np.lexsort((songs, users))
    return Rows(users[order], songs[order], stars[order])
