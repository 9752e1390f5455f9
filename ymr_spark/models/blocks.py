"""Ratings packed by whole users: 5 bytes a rating, for models that pass over them often."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark.models.factors import Floats, Ints

_SCHEMA = "users binary, counts binary, songs binary, ratings binary"
_ROWS = pa.schema({"user_id": pa.int32(), "song_id": pa.int32(), "rating": pa.int8()})
_BLOCK_RATINGS = 1 << 20


@dataclass(frozen=True)
class UserBlock:
    """Some users' ratings: `counts` (users,) of them each, one after the other in `songs`."""

    users: Ints  # (users,) int32, no user is in two blocks
    counts: Ints  # (users,) int32
    songs: Ints  # (ratings,) int32
    ratings: Floats  # (ratings,) int8, stars

    @property
    def starts(self) -> Ints:
        """Each user's first position in `songs`, (users,)."""
        starts: Ints = np.cumsum(self.counts) - self.counts
        return starts


def user_blocks(ratings: DataFrame) -> DataFrame:
    """(user_id, song_id, rating) rows, packed and persisted; read them by `unpack`.

    The ratings table keeps a user's rows in one file, so that no shuffle is needed; where rows
    come otherwise they are brought together by one.
    """
    rows = ratings.select("user_id", "song_id", "rating")
    packed = rows.mapInArrow(_pack, _SCHEMA).persist(StorageLevel.MEMORY_AND_DISK)
    if _whole(packed):
        return packed
    packed.unpersist()
    return rows.repartition("user_id").mapInArrow(_pack, _SCHEMA).persist()


def song_blocks(ratings: DataFrame) -> DataFrame:
    """The same ratings packed by whole songs: users and songs have changed places."""
    rows = ratings.select(
        F.col("song_id").alias("user_id"), F.col("user_id").alias("song_id"), "rating"
    )
    return rows.repartition("user_id").mapInArrow(_pack, _SCHEMA).persist()


def unpack(batches: Iterable[pa.RecordBatch]) -> Iterator[UserBlock]:
    """The blocks of a partition, inside a `mapInArrow` over `user_blocks`."""
    for batch in batches:
        for row in range(batch.num_rows):
            users, counts, songs, ratings = (c[row].as_buffer() for c in batch.columns)
            yield UserBlock(
                np.frombuffer(users, np.int32),
                np.frombuffer(counts, np.int32),
                np.frombuffer(songs, np.int32),
                np.frombuffer(ratings, np.int8),
            )


def _pack(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    table = pa.Table.from_batches(batches, _ROWS)
    if table.num_rows == 0:
        return
    users, songs, ratings = (table.column(c).to_numpy() for c in range(3))
    # In an order of their own, since sums of floats depend on it and shuffles have none.
    keys = (users.astype(np.int64) << 32) + songs
    if np.any(keys[1:] < keys[:-1]):
        order = np.argsort(keys)
        users, songs, ratings = users[order], songs[order], ratings[order]
    starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]])
    cuts = np.unique(np.searchsorted(starts, np.arange(0, len(users), _BLOCK_RATINGS)))
    for first, last in zip(cuts, [*cuts[1:], len(starts)], strict=True):
        begin = starts[first]
        end = starts[last] if last < len(starts) else len(users)
        counts = np.diff(np.r_[starts[first:last], end])
        block = [users[starts[first:last]], counts.astype(np.int32)]
        block += [songs[begin:end], ratings[begin:end].astype(np.int8)]
        yield pa.RecordBatch.from_arrays(
            [pa.array([part.tobytes()], pa.binary()) for part in block],
            ["users", "counts", "songs", "ratings"],
        )


def _whole(packed: DataFrame) -> bool:
    rows = packed.select("users").toLocalIterator()
    users = [np.frombuffer(row.users, np.int32) for row in rows]
    together = np.concatenate(users) if users else np.empty(0, np.int32)
    return len(np.unique(together)) == len(together)
