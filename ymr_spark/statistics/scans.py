"""The two scans of the ratings: each user's and each song's counts, from which all else comes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from ymr_spark import grouping, schemas
from ymr_spark.packing import Packed, flat
from ymr_spark.positions import Positions
from ymr_spark.scale import Scale
from ymr_spark.split import SPLITS

# Train and validation together: what R2's train_N.txt hold, and published figures are about.
TRAIN_FILES = "train_files"
Ids = npt.NDArray[np.integer[Any]]


def by_user(packed: Packed) -> DataFrame:
    """One row per (split, user_id): `counts`, how often the user gave each rating of the scale.

    Args:
        packed: `packing.by_user`.
    """
    levels = packed.scale.levels

    def count(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for owners, ratings, _, given, splits in grouping.members_of(batches):
            members = _Members.of(owners, ratings)
            cell = (members.row * len(SPLITS) + splits) * levels + given
            size = len(members.ids) * len(SPLITS) * levels
            yield members.rows("user_id", np.bincount(cell, minlength=size).reshape(-1, levels))

    return packed.map_rows(count, schemas.SUMMARY_USERS)


def by_song(packed: Packed, users: DataFrame) -> DataFrame:
    """One row per (split, song_id): the `counts` of its ratings, and its raters' activity.

    `rater_activity`, a sum over the song's ratings, pairs users' activity with songs' attributes
    without a third scan.

    Args:
        packed: `packing.by_song`.
        users: as `by_user` makes it.
    """
    train = F.when(F.col("split") != "test", total()).otherwise(0)
    table = users.groupBy("user_id").agg(F.sum(train)).toArrow().sort_by("user_id")
    shared = packed.broadcast(tuple(column.to_numpy() for column in table.columns))
    levels = packed.scale.levels

    def count(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        ids, active = shared.value
        raters = Positions(ids)
        for owners, ratings, others, given, splits in grouping.members_of(batches):
            members = _Members.of(owners, ratings)
            of_split = members.row * len(SPLITS) + splits
            rows = len(members.ids) * len(SPLITS)
            counts = np.bincount(of_split * levels + given, minlength=rows * levels)
            rated = np.bincount(of_split, active[raters.of(others)], rows).astype(np.int64)
            yield members.rows("song_id", counts.reshape(-1, levels), rater_activity=rated)

    return packed.map_rows(count, schemas.SUMMARY_SONGS)


@dataclass(frozen=True)
class _Members:
    """Some users or songs, and of each rating the place of its own, `row`."""

    ids: Ids
    row: Ids

    @classmethod
    def of(cls, owners: Ids, ratings: Ids) -> "_Members":
        return cls(owners, np.arange(len(owners)).repeat(ratings))

    def rows(self, name: str, counts: Ids, **others: Ids) -> pa.RecordBatch:
        """Those of each member and split that have ratings."""
        kept = counts.any(axis=1)
        split = np.tile(np.arange(len(SPLITS)), len(self.ids))[kept]
        bounds = np.arange(np.count_nonzero(kept) + 1) * counts.shape[1]
        columns = {
            "split": pa.array(SPLITS).take(pa.array(split)),
            name: pa.array(np.repeat(self.ids, len(SPLITS))[kept], pa.int32()),
            "counts": grouping.lists(bounds, counts[kept].ravel()),
            **{key: pa.array(values[kept]) for key, values in others.items()},
        }
        return pa.RecordBatch.from_arrays([*columns.values()], [*columns])


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
