"""Ratings packed by whole users or whole songs, 6 bytes each: for models that read them often.

`by_user` has users for owners and songs for their others, `by_song` songs for owners and users for
their others. Kernels read blocks of arrays and give typed columns, by `Packed.map`; `one_row` and
`flat` bring arrays to the driver.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import Broadcast, StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql.types import ArrayType, StructField, StructType

from ymr_spark import grouping, schemas
from ymr_spark.grouping import Array, lists
from ymr_spark.ratings import checked_scale
from ymr_spark.scale import Scale
from ymr_spark.split import SPLITS


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


Batches = Iterable[pa.RecordBatch]
Kernel = Callable[[Iterator[Block]], Iterable[pa.RecordBatch]]


@dataclass(frozen=True)
class Packed:
    """The ratings by the owners of one side.

    Attributes:
        frame: schemas.PACKED rows, one an owner, or what `read` makes them of.
        scale: whose levels they have.
        splits: those that kernels see.
        read: makes PACKED batches of the frame's.
    """

    frame: DataFrame
    scale: Scale
    splits: tuple[str, ...] = ("train",)
    read: Callable[[Batches], Batches] = iter

    def of(self, *splits: str) -> "Packed":
        """The same, with the ratings of these splits for kernels to see."""
        return replace(self, splits=splits)

    def only(self, owners: DataFrame) -> "Packed":
        """The ratings of some owners: of the first column of a frame that broadcasts well."""
        wanted, read = self.broadcast(owners.toArrow().column(0).to_numpy()), self.read

        def some(batches: Batches) -> Batches:
            for batch in read(batches):
                yield batch.filter(pa.array(np.isin(batch["owner"].to_numpy(), wanted.value)))

        return replace(self, read=some)

    def persisted(self, partitions: int | None = None) -> "Packed":
        """The same from the executors' disks, once it has been scanned: heaps would grow with the
        ratings, and a scan takes about as long.

        Args:
            partitions: at most so many.
        """
        parts = self.frame.coalesce(partitions) if partitions else self.frame
        rows = (
            parts
            if self.read is iter
            else replace(self, frame=parts).map_rows(iter, schemas.PACKED)
        )
        return replace(self, frame=rows.persist(StorageLevel.DISK_ONLY), read=iter)

    def map(self, kernel: Kernel, schema: StructType | str) -> DataFrame:
        """What the kernel makes of each partition's blocks, which come one at a time."""
        form = self.scale, self.splits
        return self.map_rows(lambda batches: kernel(unpack(batches, *form)), schema)

    def map_rows(self, kernel: Callable[[Batches], Batches], schema: StructType | str) -> DataFrame:
        """What the kernel makes of each partition's PACKED batches."""
        read = self.read
        return self.frame.mapInArrow(lambda batches: kernel(read(batches)), schema)

    def map_wide(self, kernel: Kernel, schema: str) -> DataFrame:
        """As `map`, with a row of lists for each of the kernel's batches, which `long` makes the
        rows of again: the JVM would turn each row twice on its way to the driver."""
        rows = StructType.fromDDL(schema)
        assert isinstance(rows, StructType)
        wide = StructType([StructField(f.name, ArrayType(f.dataType)) for f in rows])
        return self.map(lambda blocks: map(_one_row_of, kernel(blocks)), wide)

    def broadcast(self, value: Any) -> Broadcast[Any]:
        """A value that kernels read by its `value`."""
        return self.frame.sparkSession.sparkContext.broadcast(value)

    def owners(self) -> DataFrame:
        """(owner), of those with ratings that kernels see."""
        return self.map(_owners, "owner int")

    def counts(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Owners, in no order, and how many ratings each has."""
        table = self.map(_counted, "owner int, ratings int").toArrow()
        return table["owner"].to_numpy(), table["ratings"].to_numpy()

    def unpersist(self) -> None:
        """Free the disk; what is read later is packed again."""
        self.frame.unpersist()


def by_user(ratings: DataFrame) -> Packed:
    """(user_id, song_id, rating) rows by whole users, whose others are songs, persisted on disk.

    Args:
        ratings: a column `split`, or `held_out` for those of validation, says which they are of.

    Raises:
        DataContractError: ids are not of a type for whole numbers, ratings not of one for numbers,
            or a rating is not on their scale; see `ratings.checked_scale`.
    """
    return _persisted(ratings, "user_id", "song_id")


def by_song(ratings: DataFrame) -> Packed:
    """The same ratings by whole songs, whose others are users."""
    return _persisted(ratings, "song_id", "user_id")


def unpack(
    batches: Iterable[pa.RecordBatch], scale: Scale, splits: Sequence[str] = ("train",)
) -> Iterator[Block]:
    """The blocks of `Packed.frame`, whole however its rows are cut into batches."""
    seen = np.isin(SPLITS, splits)
    pieces = (piece for batch in batches for piece in _pieces(batch))
    for _, of_block in groupby(pieces, key=lambda piece: piece[0]):
        table = pa.Table.from_batches([piece for _, piece in of_block])
        block = _seen(table, seen[flat(table, "splits")], scale)
        if len(block.owners):
            yield block


def _seen(table: pa.Table, kept: npt.NDArray[np.bool_], scale: Scale) -> Block:
    others, levels = flat(table, "others"), flat(table, "levels")
    owners, counts = table["owner"].to_numpy(), pc.list_value_length(table["others"]).to_numpy()
    if not kept.all():
        counts = np.add.reduceat(kept, np.cumsum(counts) - counts, dtype=counts.dtype)
        owners, counts = owners[counts > 0], counts[counts > 0]
        others, levels = others[kept], levels[kept]
    return Block(owners, counts, others, scale.stars(levels))


def one_row(**values: Array | float) -> pa.RecordBatch:
    """A batch of one row, whose columns are lists of the arrays' types, or numbers."""
    return pa.RecordBatch.from_arrays(
        [
            lists(np.array([0, len(value)]), value)
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


def long(table: pa.Table) -> pa.Table:
    """The rows that `Packed.map_wide` has made lists of."""
    columns = [pc.list_flatten(table[name]) for name in table.column_names]
    return pa.Table.from_arrays(columns, table.column_names)


def _one_row_of(batch: pa.RecordBatch) -> pa.RecordBatch:
    ends = pa.array([0, len(batch)], pa.int32())
    columns = [pa.ListArray.from_arrays(ends, column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _owners(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
    for block in blocks:
        yield pa.RecordBatch.from_arrays([pa.array(block.owners, pa.int32())], ["owner"])


def _counted(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
    for block in blocks:
        columns = [pa.array(values, pa.int32()) for values in (block.owners, block.counts)]
        yield pa.RecordBatch.from_arrays(columns, ["owner", "ratings"])


def _pieces(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of each block that a batch has some of."""
    numbers = batch.column(0).to_numpy()
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    for first, last in pairwise([*starts, len(numbers)]):
        yield int(numbers[first]), batch.slice(first, last - first)


def _persisted(ratings: DataFrame, owner: str, other: str) -> Packed:
    scale = checked_scale(ratings)
    return Packed(grouping.of_rows(ratings, owner, other, scale), scale).persisted()
