"""The two scans of the ratings: each user's and each song's counts, from which all else comes."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# Train and validation together: what R2's train_N.txt hold, and published figures are about.
TRAIN_FILES = "train_files"
STARS = {rating: f"stars_{rating}" for rating in range(1, 6)}


def by_user(ratings: DataFrame) -> DataFrame:
    """One row per (split, user_id): how often the user gave each rating."""
    return ratings.groupBy("split", "user_id").agg(*_stars())


def by_song(ratings: DataFrame, users: DataFrame) -> DataFrame:
    """One row per (split, song_id): how often it got each rating, and its raters' activity.

    `rater_activity`, a sum over the song's ratings, pairs users' activity with songs' attributes
    without a third scan. `users` is as `by_user` makes it.
    """
    return (
        ratings.join(F.broadcast(activity(users, "user_id")), "user_id", how="left")
        .groupBy("split", "song_id")
        .agg(*_stars(), F.sum(F.coalesce("activity", F.lit(0))).alias("rater_activity"))
    )


def activity(counts: DataFrame, member: str) -> DataFrame:
    """One row per user or song: its ratings in the train files (a song's are its popularity)."""
    train = counts.where(F.col("split") != "test")
    return train.groupBy(member).agg(F.sum(total()).alias("activity"))


def total() -> Column:
    """The ratings that a row of counts stands for."""
    return sum((F.col(c) for c in STARS.values()), start=F.lit(0))


def with_train_files(counts: DataFrame, *keys: str) -> DataFrame:
    """One row per (split, *keys), with the sums of the other columns; TRAIN_FILES among splits."""
    files = F.when(F.col("split") == "test", F.array("split")).otherwise(
        F.array("split", F.lit(TRAIN_FILES))
    )
    summed = [F.sum(c).alias(c) for c in counts.columns if c not in ("split", *keys)]
    return counts.withColumn("split", F.explode(files)).groupBy("split", *keys).agg(*summed)


def _stars() -> list[Column]:
    return [F.count_if(F.col("rating") == rating).alias(c) for rating, c in STARS.items()]
