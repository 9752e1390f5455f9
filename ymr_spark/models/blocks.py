"""Ratings packed by whole users: 5 bytes a rating, for models that pass over them often."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np
import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame

from ymr_spark.models.factors import Floats, Ints
from ymr_spark.ratings import require_whole

_SCHEMA = "users binary, counts binary, songs binary, ratings binary"
_DEALT = "bucket int, users binary, songs binary, ratings binary"
_KINDS = (pa.int32(), pa.int32(), pa.int8())
Dealt = tuple[Ints, Ints, Ints]  # some ratings of a bucket: users, songs, stars
_BLOCK_RATINGS = 1 << 20
# Many more than tasks, so that each gets about as much, and one of them is little.
_BUCKETS = 1024


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

    Raises:
        DataContractError: ids or ratings are not of a type for whole numbers.
    """
    return _packed(ratings, "user_id", "song_id")


def song_blocks(ratings: DataFrame) -> DataFrame:
    """The same ratings packed by whole songs: users and songs have changed places."""
    return _packed(ratings, "song_id", "user_id")


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


def _packed(ratings: DataFrame, by: str, other: str) -> DataFrame:
    """Blocks by the ids of one side."""
    require_whole(ratings)
    rows = ratings.select(by, other, "rating")
    # Spark moves a few large values with much less effort than many rows.
    dealt = rows.mapInArrow(_deal, _DEALT).repartition("bucket").sortWithinPartitions("bucket")
    # On disk, which a pass reads about as fast: heaps would grow with the ratings.
    pack = partial(_pack, block_ratings=_BLOCK_RATINGS)
    return dealt.mapInArrow(pack, _SCHEMA).persist(StorageLevel.DISK_ONLY)


def _deal(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    """The rows of each user side by side with those of others in the same bucket."""
    for batch in batches:
        # Casts raise where a value does not fit.
        users, songs, ratings = (
            column.cast(kind).to_numpy() for column, kind in zip(batch.columns, _KINDS, strict=True)
        )
        buckets = (users % _BUCKETS).astype(np.uint16)
        order = np.argsort(buckets, kind="stable")
        columns = users[order], songs[order], ratings[order]
        ends = np.cumsum(np.bincount(buckets, minlength=_BUCKETS))
        found = np.flatnonzero(np.diff(ends, prepend=0))
        parts = [[part.tobytes() for part in np.split(c, ends[found])[:-1]] for c in columns]
        yield pa.RecordBatch.from_arrays(
            [pa.array(found, pa.int32()), *(pa.array(part, pa.binary()) for part in parts)],
            ["bucket", "users", "songs", "ratings"],
        )


def _pack(batches: Iterable[pa.RecordBatch], block_ratings: int) -> Iterable[pa.RecordBatch]:
    """Blocks of whole buckets, which come one after the other, so that few are held at a time.

    A block is closed once it has `block_ratings`.
    """
    gathered: list[Dealt] = []
    for _, rows in groupby(_rows(batches), key=lambda row: row[0]):
        gathered += [dealt for _, dealt in rows]
        if sum(len(ratings) for _, _, ratings in gathered) >= block_ratings:
            yield _block(gathered)
            gathered = []
    if gathered:
        yield _block(gathered)


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Dealt]]:
    for batch in batches:
        buckets, *columns = batch.columns
        for row, bucket in enumerate(buckets.to_pylist()):
            users, songs, ratings = (column[row].as_buffer() for column in columns)
            users, songs = np.frombuffer(users, np.int32), np.frombuffer(songs, np.int32)
            yield bucket, (users, songs, np.frombuffer(ratings, np.int8))


def _block(gathered: Sequence[Dealt]) -> pa.RecordBatch:
    users, songs, ratings = (np.concatenate(parts) for parts in zip(*gathered, strict=True))
    # In an order of their own, since sums of floats depend on it and shuffles have none.
    order = np.argsort((users.astype(np.int64) << 32) + songs)
    users, songs, ratings = users[order], songs[order], ratings[order]
    ids, counts = np.unique(users, return_counts=True)
    block = ids, counts.astype(np.int32), songs, ratings
    return pa.RecordBatch.from_arrays(
        [pa.array([part.tobytes()], pa.binary()) for part in block],
        ["users", "counts", "songs", "ratings"],
    )
