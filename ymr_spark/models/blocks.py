"""Ratings packed by whole users: 5 bytes a rating, for models that pass over them often."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame

from ymr_spark.models.factors import Floats, Ints

_SCHEMA = "users binary, counts binary, songs binary, ratings binary"
_DEALT = "bucket int, users binary, songs binary, ratings binary"
_BLOCK_RATINGS = 1 << 20
# Many more than tasks, so that each gets about as much.
_BUCKETS = 256


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
    """(user_id, song_id, rating) rows, packed and persisted; read them by `unpack`."""
    return _packed(ratings.select("user_id", "song_id", "rating"))


def song_blocks(ratings: DataFrame) -> DataFrame:
    """The same ratings packed by whole songs: users and songs have changed places."""
    return _packed(ratings.select("song_id", "user_id", "rating"))


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


def _packed(rows: DataFrame) -> DataFrame:
    """Blocks by the first column of the rows."""
    # Spark moves a few large values with much less effort than many rows.
    dealt = rows.mapInArrow(_deal, _DEALT).repartition("bucket")
    return dealt.mapInArrow(_pack, _SCHEMA).persist(StorageLevel.MEMORY_AND_DISK)


def _deal(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    """The rows of each user side by side with those of others in the same bucket."""
    for batch in batches:
        users, songs, ratings = (column.to_numpy() for column in batch.columns)
        buckets = (users % _BUCKETS).astype(np.uint8)
        order = np.argsort(buckets, kind="stable")
        columns = users[order], songs[order], ratings[order].astype(np.int8)
        ends = np.cumsum(np.bincount(buckets, minlength=_BUCKETS))
        found = np.flatnonzero(np.diff(ends, prepend=0))
        parts = [[part.tobytes() for part in np.split(c, ends[found][:-1])] for c in columns]
        yield pa.RecordBatch.from_arrays(
            [pa.array(found, pa.int32()), *(pa.array(part, pa.binary()) for part in parts)],
            ["bucket", "users", "songs", "ratings"],
        )


def _pack(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    """Blocks of at least `_BLOCK_RATINGS`, but for the last, of all that was dealt to a task."""
    dealt = [batch.to_pydict() for batch in batches]
    if not dealt:
        return
    users, songs = (_together(dealt, name, np.int32) for name in ("users", "songs"))
    ratings = _together(dealt, "ratings", np.int8)
    # In an order of their own, since sums of floats depend on it and shuffles have none.
    keys = (users.astype(np.int64) << 32) + songs
    order = np.argsort(keys)
    users, songs, ratings = users[order], songs[order], ratings[order]
    starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]])
    cuts = np.unique(np.searchsorted(starts, np.arange(0, len(users), _BLOCK_RATINGS)))
    for first, last in zip(cuts, [*cuts[1:], len(starts)], strict=True):
        begin = starts[first]
        end = starts[last] if last < len(starts) else len(users)
        counts = np.diff(np.r_[starts[first:last], end])
        block = [users[starts[first:last]], counts.astype(np.int32)]
        block += [songs[begin:end], ratings[begin:end]]
        yield pa.RecordBatch.from_arrays(
            [pa.array([part.tobytes()], pa.binary()) for part in block],
            ["users", "counts", "songs", "ratings"],
        )


def _together(dealt: list[dict[str, list[bytes]]], name: str, kind: type) -> Ints:
    parts: Ints = np.frombuffer(b"".join(part for rows in dealt for part in rows[name]), kind)
    return parts
