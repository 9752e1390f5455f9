"""Ratings packed by whole users or whole songs, 5 bytes each: for models that read them often.

`by_user` has users for owners and songs for their others, `by_song` songs for owners and users for
their others. Kernels read blocks of arrays and give typed columns, by `Packed.map`; `one_row` and
`flat` bring arrays to the driver.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import Broadcast, StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from ymr_spark.ratings import checked_scale
from ymr_spark.scale import Scale

_PACKED = "block int, owner int, others array<int>, levels array<tinyint>"
_DEALT = "bucket int, owners array<int>, others array<int>, levels array<tinyint>"
_BLOCK_RATINGS = 1 << 20
# Many more than tasks, so that each gets about as much, and one of them is little.
_BUCKETS = 1024

Array = npt.NDArray[Any]
Dealt = tuple[Array, Array, Array]  # some ratings of a bucket: owners, others, levels


@dataclass(frozen=True)
class Block:
    """All ratings of some owners: `counts` (owners,) of each, one after the other in `others`."""

    owners: npt.NDArray[np.int32]  # (owners,) ids, ascending; none is in two blocks
    counts: npt.NDArray[np.int32]  # (owners,)
    others: npt.NDArray[np.int32]  # (ratings,) ids, each owner's ascending
    ratings: npt.NDArray[np.float64]  # (ratings,) stars

    @property
    def starts(self) -> npt.NDArray[np.integer[Any]]:
        """Each owner's first position in `others`, (owners,)."""
        starts: npt.NDArray[np.integer[Any]] = np.cumsum(self.counts) - self.counts
        return starts


Kernel = Callable[[Iterator[Block]], Iterable[pa.RecordBatch]]


@dataclass(frozen=True)
class Packed:
    """The ratings by the owners of one side, persisted on disk.

    `frame` has a row an owner: the block that it is read in, its id, and by rating the ids of its
    others, ascending, and the levels of `scale`, those of held-out ratings as -1 - level.
    """

    frame: DataFrame
    scale: Scale
    with_held_out: bool = False  # whether kernels see these ratings, as any other

    def everything(self) -> "Packed":
        """The same with the held-out ratings."""
        return replace(self, with_held_out=True)

    def map(self, kernel: Kernel, schema: StructType | str) -> DataFrame:
        """What the kernel makes of each partition's blocks, which come one at a time."""
        form = self.scale, self.with_held_out

        def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
            return kernel(unpack(batches, *form))

        return self.frame.mapInArrow(read, schema)

    def broadcast(self, value: Any) -> Broadcast[Any]:
        """A value that kernels read by its `value`."""
        return self.frame.sparkSession.sparkContext.broadcast(value)

    def counts(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Owners, in no order, and how many ratings each has."""
        table = self.map(_counted, "owner int, ratings int").toArrow()
        return table["owner"].to_numpy(), table["ratings"].to_numpy()

    def unpersist(self) -> None:
        """Free the disk; what is read later is packed again."""
        self.frame.unpersist()


def by_user(ratings: DataFrame) -> Packed:
    """(user_id, song_id, rating) rows by whole users, whose others are songs.

    Args:
        ratings: a column `held_out`, if there is one, says which are.

    Raises:
        DataContractError: ids are not of a type for whole numbers, ratings not of one for numbers,
            or a rating is not on their scale; see `ratings.checked_scale`.
    """
    return _packed(ratings, "user_id", "song_id")


def by_song(ratings: DataFrame) -> Packed:
    """The same ratings by whole songs, whose others are users."""
    return _packed(ratings, "song_id", "user_id")


def unpack(
    batches: Iterable[pa.RecordBatch], scale: Scale, with_held_out: bool = False
) -> Iterator[Block]:
    """The blocks of `Packed.frame`, whole however its rows are cut into batches."""
    pieces = (piece for batch in batches for piece in _pieces(batch))
    for _, of_block in groupby(pieces, key=lambda piece: piece[0]):
        table = pa.Table.from_batches([piece for _, piece in of_block])
        others, levels = flat(table, "others"), flat(table, "levels")
        counts = pc.list_value_length(table["others"]).to_numpy()
        owners, kept = table["owner"].to_numpy(), levels >= 0
        if with_held_out:
            levels = np.where(kept, levels, ~levels)
        elif not kept.all():
            counts = np.add.reduceat(kept, np.cumsum(counts) - counts, dtype=counts.dtype)
            owners, counts = owners[counts > 0], counts[counts > 0]
            others, levels = others[kept], levels[kept]
        if len(owners):
            yield Block(owners, counts, others, scale.stars(levels))


def one_row(**values: Array | float) -> pa.RecordBatch:
    """A batch of one row, whose columns are lists of the arrays' types, or numbers."""
    return pa.RecordBatch.from_arrays(
        [
            _lists(np.array([0, len(value)]), value)
            if isinstance(value, np.ndarray)
            else pa.array([value])
            for value in values.values()
        ],
        list(values),
    )


def flat(table: pa.Table, column: str) -> Array:
    """The lists of a column one after the other, in one array."""
    found: Array = pc.list_flatten(table[column]).to_numpy()
    return found


def _counted(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
    for block in blocks:
        columns = [pa.array(values, pa.int32()) for values in (block.owners, block.counts)]
        yield pa.RecordBatch.from_arrays(columns, ["owner", "ratings"])


def _packed(ratings: DataFrame, owner: str, other: str) -> Packed:
    scale = checked_scale(ratings)
    held_out = "held_out" if "held_out" in ratings.columns else "false"
    rows = ratings.selectExpr(owner, other, "CAST(rating AS DOUBLE)", held_out)
    # Spark moves a few large values with much less effort than many rows.
    dealt = rows.mapInArrow(partial(_deal, scale=scale), _DEALT)
    dealt = dealt.repartition("bucket").sortWithinPartitions("bucket")
    # On disk, which a pass reads about as fast: heaps would grow with the ratings.
    pack = partial(_pack, block_ratings=_BLOCK_RATINGS)
    return Packed(dealt.mapInArrow(pack, _PACKED).persist(StorageLevel.DISK_ONLY), scale)


def _deal(batches: Iterable[pa.RecordBatch], scale: Scale) -> Iterable[pa.RecordBatch]:
    """The rows of each owner side by side with those of others in the same bucket."""
    for batch in batches:
        *ids, ratings, held_out = batch.columns
        # Casts raise where a value does not fit.
        owners, others = (column.cast(pa.int32()).to_numpy() for column in ids)
        levels = scale.level_of(ratings.to_numpy())
        levels = np.where(held_out.to_numpy(zero_copy_only=False), ~levels, levels)
        buckets = (owners % _BUCKETS).astype(np.uint16)
        order = np.argsort(buckets, kind="stable")
        sizes = np.bincount(buckets, minlength=_BUCKETS)
        found = np.flatnonzero(sizes)
        bounds = np.r_[0, np.cumsum(sizes[found])]
        yield pa.RecordBatch.from_arrays(
            [
                pa.array(found, pa.int32()),
                *(_lists(bounds, values[order]) for values in (owners, others, levels)),
            ],
            ["bucket", "owners", "others", "levels"],
        )


def _pack(batches: Iterable[pa.RecordBatch], block_ratings: int) -> Iterable[pa.RecordBatch]:
    """Blocks of whole buckets, which come one after the other, so that few are held at a time.

    A block is closed once it has `block_ratings`, and is called by its last bucket.
    """
    gathered: list[Dealt] = []
    bucket = 0
    for bucket, rows in groupby(_rows(batches), key=lambda row: row[0]):
        gathered += [dealt for _, dealt in rows]
        if sum(len(levels) for _, _, levels in gathered) >= block_ratings:
            yield _block(bucket, gathered)
            gathered = []
    if gathered:
        yield _block(bucket, gathered)


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Dealt]]:
    for batch in batches:
        buckets, *columns = batch.columns
        for row, bucket in enumerate(buckets.to_numpy().tolist()):
            owners, others, levels = (column[row].values.to_numpy() for column in columns)
            yield bucket, (owners, others, levels)


def _block(number: int, gathered: Sequence[Dealt]) -> pa.RecordBatch:
    owners, others, levels = (np.concatenate(parts) for parts in zip(*gathered, strict=True))
    # In an order of their own, since sums of floats depend on it and shuffles have none.
    order = np.argsort((owners.astype(np.int64) << 32) + others)
    ids, first = np.unique(owners[order], return_index=True)
    bounds = np.r_[first, len(owners)]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(np.full(len(ids), number, np.int32)),
            pa.array(ids),
            *(_lists(bounds, values[order]) for values in (others, levels)),
        ],
        ["block", "owner", "others", "levels"],
    )


def _pieces(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of each block that a batch has some of."""
    numbers = batch.column(0).to_numpy()
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    for first, last in zip(starts, [*starts[1:], len(numbers)], strict=True):
        yield int(numbers[first]), batch.slice(first, last - first)


def _lists(bounds: Array, values: Array) -> "pa.ListArray[Any]":
    """A list of the values between each two bounds."""
    return pa.ListArray.from_arrays(pa.array(bounds, pa.int32()), pa.array(values))
