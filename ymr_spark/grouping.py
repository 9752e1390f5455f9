"""Ratings brought together by their owners: dealt into buckets, which a shuffle brings together,
and packed from there.

Spark moves a few large values with much less effort than many rows, so both are a few bytes a
rating: rows become pieces of buckets, buckets become rows of `PACKED`.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial, reduce
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from ymr_spark import schemas
from ymr_spark.scale import Scale
from ymr_spark.split import SPLITS

DEALT = """bucket int, owners array<int>, others array<int>, levels array<tinyint>,
    splits array<tinyint>"""
_BLOCK_RATINGS = 1 << 20
# Many more than tasks, so that each gets about as much, and one of them is little.
_BUCKETS = 1024
# Of R2 that is about a million ratings.
_OWNERS_AT_ONCE = 2048
_DIGIT_BITS = 16

Array = npt.NDArray[Any]
Dealt = tuple[Array, Array, Array, Array]  # of a bucket: owners, others, levels, splits


def of_rows(rows: DataFrame, owner: str, other: str, scale: Scale) -> DataFrame:
    """PACKED rows by whole owners.

    Args:
        rows: columns of the owner, the other, `rating`, and either `split` or `held_out`, which
            stands for validation; all are of train without them.
        scale: that all ratings are on.
    """
    columns = rows.select(owner, other, "rating", _code(rows).alias("code"))
    return packed(columns.mapInArrow(partial(deal, scale=scale), DEALT))


def of_others(owners: DataFrame, partitions: int) -> DataFrame:
    """PACKED rows by those who are the others of these."""
    return packed(owners.mapInArrow(_deal_owners, DEALT), partitions)


def packed(dealt: DataFrame, partitions: int | None = None) -> DataFrame:
    """PACKED rows of what `deal` has made, the same however it is partitioned.

    Args:
        partitions: None for as many as Spark finds right.
    """
    number = () if partitions is None else (partitions,)
    dealt = dealt.repartition(*number, "bucket").sortWithinPartitions("bucket")
    return dealt.mapInArrow(partial(_pack, block_ratings=_BLOCK_RATINGS), schemas.PACKED)


def deal(batches: Iterable[pa.RecordBatch], scale: Scale) -> Iterable[pa.RecordBatch]:
    """DEALT pieces of (owner, other, rating, place among SPLITS) rows."""
    for batch in batches:
        owners, others, ratings, splits = batch.columns
        # Casts raise where a value does not fit.
        owner, other = (column.cast(pa.int32()).to_numpy() for column in (owners, others))
        yield _dealt(owner, other, scale.level_of(ratings.to_numpy()), splits.to_numpy())


def deal_by_user(batches: Iterable[pa.RecordBatch], scale: Scale) -> Iterable[pa.RecordBatch]:
    """`deal` of schemas.RATINGS rows."""
    codes = pa.array(SPLITS)
    for batch in batches:
        splits = pc.index_in(batch["split"], codes).cast(pa.int8())
        columns = [batch["user_id"], batch["song_id"], batch["rating"], splits]
        rows = pa.RecordBatch.from_arrays(columns, ["owner", "other", "rating", "split"])
        yield from deal([rows], scale)


def rows_of(batches: Iterable[pa.RecordBatch]) -> Iterator[Dealt]:
    """Owners, others, levels and splits of PACKED rows, an element a rating, some at a time."""
    for batch in batches:
        for first in range(0, batch.num_rows, _OWNERS_AT_ONCE):
            part = batch.slice(first, _OWNERS_AT_ONCE)
            counts = pc.list_value_length(part["others"]).to_numpy()
            others, levels, splits = (
                pc.list_flatten(part[name]).to_numpy() for name in ("others", "levels", "splits")
            )
            yield part["owner"].to_numpy().repeat(counts), others, levels, splits


def pieces(number: Array, columns: Sequence[Array]) -> list["pa.Array[Any]"]:
    """The numbers (n,), not negative, that there are, ascending; lists of what each has, a row
    each."""
    order, sizes = ascending(number), np.bincount(number)
    found = np.flatnonzero(sizes)
    bounds = np.r_[0, np.cumsum(sizes[found])]
    return [pa.array(found, pa.int32()), *(lists(bounds, c[order]) for c in columns)]


def lists(bounds: Array, values: Array) -> "pa.ListArray[Any]":
    """A list of the values between each two bounds."""
    return pa.ListArray.from_arrays(pa.array(bounds, pa.int32()), pa.array(values))


def _code(rows: DataFrame) -> Column:
    """The place of each row's split among SPLITS."""
    if "held_out" in rows.columns:
        return F.col("held_out").cast("tinyint")
    if "split" not in rows.columns:
        return F.lit(0).cast("tinyint")
    cases = [F.when(F.col("split") == name, code) for code, name in enumerate(SPLITS)]
    return F.coalesce(*cases).cast("tinyint")


def _deal_owners(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    for owners, others, levels, splits in rows_of(batches):
        yield _dealt(others, owners, levels, splits)


def _dealt(owners: Array, others: Array, levels: Array, splits: Array) -> pa.RecordBatch:
    """The ratings of each owner side by side with those of others in the same bucket."""
    found = pieces((owners % _BUCKETS).astype(np.uint16), (owners, others, levels, splits))
    return pa.RecordBatch.from_arrays(found, ["bucket", "owners", "others", "levels", "splits"])


def _pack(batches: Iterable[pa.RecordBatch], block_ratings: int) -> Iterable[pa.RecordBatch]:
    """Blocks of whole buckets, which come one after the other, so that few are held at a time.

    A block is closed once it has `block_ratings`, and is called by its last bucket.
    """
    gathered: list[Dealt] = []
    bucket = ratings = 0
    for bucket, rows in groupby(_rows(batches), key=lambda row: row[0]):
        pieces = [dealt for _, dealt in rows]
        gathered, ratings = gathered + pieces, ratings + sum(len(piece[0]) for piece in pieces)
        if ratings >= block_ratings:
            yield _block(bucket, gathered)
            gathered, ratings = [], 0
    if gathered:
        yield _block(bucket, gathered)


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Dealt]]:
    for batch in batches:
        buckets, *columns = batch.columns
        for row, bucket in enumerate(buckets.to_numpy().tolist()):
            owners, others, levels, splits = (c[row].values.to_numpy() for c in columns)
            yield bucket, (owners, others, levels, splits)


def _block(number: int, gathered: Sequence[Dealt]) -> pa.RecordBatch:
    owners, others, levels, splits = (
        np.concatenate(parts) for parts in zip(*gathered, strict=True)
    )
    # In an order of their own, since sums of floats depend on it and shuffles have none.
    order = ascending(others, owners)
    owners = owners[order]
    first = np.flatnonzero(np.diff(owners, prepend=-1))
    bounds = np.r_[first, len(owners)]
    columns = (lists(bounds, values[order]) for values in (others, levels, splits))
    numbers = np.full(len(first), number, np.int32)
    return pa.RecordBatch.from_arrays(
        [pa.array(numbers), pa.array(owners[first]), *columns], schemas.PACKED.fieldNames()
    )


def ascending(*ids: Array) -> Array:
    """The order (n,) by the last of these whole numbers (n,), not negative; equals by the one
    before.

    By 16 bits at a time, which NumPy sorts by counting.
    """
    digits = (
        column >> column.dtype.type(bits)
        for column in ids
        for bits in range(0, 8 * column.itemsize, _DIGIT_BITS)
    )
    return reduce(_stable, digits, np.arange(len(ids[0])))


def _stable(order: Array, digits: Array) -> Array:
    values = digits.astype(np.uint16)
    if not values.any():
        return order
    found: Array = order[np.argsort(values[order], kind="stable")]
    return found
