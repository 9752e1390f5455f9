"""Train rows of a sample of users, cut into folds: seeded, blind to partitioning and order."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.ratings import scale_of


def of_users(ratings: DataFrame, share: float, seed: int) -> DataFrame:
    """All rows of about that share of the users; those of a smaller share are among them."""
    return ratings.where(chance(F.col("user_id"), seed) < share)


def chance(ids: Column, seed: int) -> Column:
    """Of each id a number from 0 to below 1, spread evenly."""
    return F.shiftrightunsigned(F.xxhash64(ids, F.lit(seed)), 11) * 2.0**-53


def cut(ratings: DataFrame, count: int, seed: int) -> list[TrainRatings]:
    """Each row is one to judge by in one of the folds, by a hash of (user, song, seed)."""
    fold = F.pmod(F.xxhash64("user_id", "song_id", F.lit(seed)), F.lit(count))
    numbered = ratings.withColumn("fold", fold).persist()
    return [_fold(numbered, number) for number in range(count)]


def _fold(numbered: DataFrame, number: int) -> TrainRatings:
    rows = numbered.withColumn("held_out", F.col("fold") == number).drop("fold")
    return TrainRatings.of_numbers(rows, scale_of(numbered))
