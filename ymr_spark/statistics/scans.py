"""The two scans of the ratings: each user's and each song's counts, from which all else comes."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from ymr_spark.packing import flat
from ymr_spark.ratings import level
from ymr_spark.scale import Scale

# Train and validation together: what R2's train_N.txt hold, and published figures are about.
TRAIN_FILES = "train_files"


def by_user(ratings: DataFrame, scale: Scale) -> DataFrame:
    """One row per (split, user_id): `counts`, how often the user gave each rating of the scale."""
    return ratings.groupBy("split", "user_id").agg(_counts(scale))


def by_song(ratings: DataFrame, users: DataFrame, scale: Scale) -> DataFrame:
    """One row per (split, song_id): the `counts` of its ratings, and its raters' activity.

    `rater_activity`, a sum over the song's ratings, pairs users' activity with songs' attributes
    without a third scan. `users` is as `by_user` makes it.
    """
    return (
        ratings.join(F.broadcast(activity(users, "user_id")), "user_id", how="left")
        .groupBy("split", "song_id")
        .agg(_counts(scale), F.sum(F.coalesce("activity", F.lit(0))).alias("rater_activity"))
    )


def activity(counts: DataFrame, member: str) -> DataFrame:
    """One row per user or song: its ratings in the train files (a song's are its popularity)."""
    train = counts.where(F.col("split") != "test")
    return train.groupBy(member).agg(F.sum(total()).alias("activity"))


def total() -> Column:
    """The ratings that a row of counts stands for."""
    return F.aggregate("counts", F.lit(0).cast("long"), lambda so_far, n: so_far + n)


def by_level(counts: pa.Table, scale: Scale) -> npt.NDArray[np.int64]:
    """The `counts` of these rows, (rows, levels of the scale)."""
    found: npt.NDArray[np.int64] = flat(counts, "counts").reshape(-1, scale.levels)
    return found


def with_train_files(counts: DataFrame, *keys: str) -> DataFrame:
    """One row per (split, *keys), with the sums of the other columns; TRAIN_FILES among splits."""
    files = F.when(F.col("split") == "test", F.array("split")).otherwise(
        F.array("split", F.lit(TRAIN_FILES))
    )
    summed = [F.sum(c).alias(c) for c in counts.columns if c not in ("split", *keys)]
    return counts.withColumn("split", F.explode(files)).groupBy("split", *keys).agg(*summed)


def _counts(scale: Scale) -> Column:
    given = level(scale)
    return F.array(*(F.count_if(given == place) for place in range(scale.levels))).alias("counts")
