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
from ymr_spark.ratings import COLUMNS
from ymr_spark.scale import Scale
from ymr_spark.split import SPLITS

DEALT = """bucket int, owners array<int>, others array<int>, levels array<tinyint>,
    splits array<tinyint>"""
_BLOCK_RATINGS = 1 << 20
# Many more than tasks, so that each gets about as much, and one of them is little; but pieces of
# them are to be of some thousand ratings, or each costs more than its ratings.
_BUCKETS = 256
# Of R2 that is some three million ratings.
_OWNERS_AT_ONCE = 8192
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


def packed(dealt: DataFrame) -> DataFrame:
    """PACKED rows of what `deal` has made, the same however it is partitioned."""
    kernel = partial(pack, block_ratings=_BLOCK_RATINGS)
    return by_bucket(dealt).mapInArrow(kernel, schemas.PACKED)


def by_bucket(dealt: DataFrame, partitions: int | None = None) -> DataFrame:
    """DEALT rows as `pack` takes them.

    Args:
        partitions: None for as many as Spark finds right.
    """
    number = () if partitions is None else (partitions,)
    return dealt.repartition(*number, "bucket").sortWithinPartitions("bucket")


def deal(batches: Iterable[pa.RecordBatch], scale: Scale) -> Iterable[pa.RecordBatch]:
    """DEALT pieces of (owner, other, rating, place among SPLITS) rows."""
    for batch in batches:
        yield _dealt(*_columns(batch.columns, scale))


def deal_by_user(batches: Iterable[pa.RecordBatch], scale: Scale) -> Iterable[pa.RecordBatch]:
    """`deal` of schemas.RATINGS rows."""
    for batch in batches:
        yield _dealt(*_of_user(batch, scale))


def pack_by_user(
    batches: Iterable[pa.RecordBatch], scale: Scale, block_ratings: int = _BLOCK_RATINGS
) -> Iterable[pa.RecordBatch]:
    """PACKED rows of schemas.RATINGS rows that are all of their users, in any order."""
    gathered = [_of_user(batch, scale) for batch in batches]
    if gathered:
        yield _block(gathered, block_ratings)


def rows_of(batches: Iterable[pa.RecordBatch]) -> Iterator[Dealt]:
    """Owners, others, levels and splits of PACKED rows, an element a rating, some at a time."""
    for owners, counts, *columns in members_of(batches):
        others, levels, splits = columns
        yield owners.repeat(counts), others, levels, splits


def members_of(
    batches: Iterable[pa.RecordBatch],
) -> Iterator[tuple[Array, Array, Array, Array, Array]]:
    """Owners of PACKED rows and how many ratings each has, some at a time; others, levels and
    splits of these."""
    for batch in batches:
        for first in range(0, batch.num_rows, _OWNERS_AT_ONCE):
            part = batch.slice(first, _OWNERS_AT_ONCE)
            counts = pc.list_value_length(part["others"]).to_numpy()
            others, levels, splits = (
                pc.list_flatten(part[name]).to_numpy() for name in ("others", "levels", "splits")
            )
            yield part["owner"].to_numpy(), counts, others, levels, splits


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


def deal_by_others(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    """`deal` of PACKED rows, to those who are the others of these."""
    for owners, others, levels, splits in rows_of(batches):
        yield _dealt(others, owners, levels, splits)


def _of_user(batch: pa.RecordBatch, scale: Scale) -> Dealt:
    splits = pc.index_in(batch["split"], pa.array(SPLITS)).cast(pa.int8())
    return _columns([*(batch[name] for name in COLUMNS), splits], scale)


def _columns(columns: Sequence["pa.Array[Any]"], scale: Scale) -> Dealt:
    owners, others, ratings, splits = columns
    # Casts raise where a value does not fit.
    owner, other = (column.cast(pa.int32()).to_numpy() for column in (owners, others))
    return owner, other, scale.level_of(ratings.to_numpy()), splits.to_numpy()


def _dealt(owners: Array, others: Array, levels: Array, splits: Array) -> pa.RecordBatch:
    """The ratings of each owner side by side with those of others in the same bucket."""
    found = pieces((owners % _BUCKETS).astype(np.uint16), (owners, others, levels, splits))
    return pa.RecordBatch.from_arrays(found, ["bucket", "owners", "others", "levels", "splits"])


def pack(
    batches: Iterable[pa.RecordBatch], block_ratings: int = _BLOCK_RATINGS
) -> Iterable[pa.RecordBatch]:
    """PACKED blocks of whole buckets, which come one after the other, so that few are held at a
    time: a block is closed once it has so many ratings."""
    gathered: list[Dealt] = []
    ratings = 0
    for _, rows in groupby(_rows(batches), key=lambda row: row[0]):
        pieces = [dealt for _, dealt in rows]
        gathered, ratings = gathered + pieces, ratings + sum(len(piece[0]) for piece in pieces)
        if ratings >= block_ratings:
            yield _block(gathered, block_ratings)
            gathered, ratings = [], 0
    if gathered:
        yield _block(gathered, block_ratings)


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Dealt]]:
    for batch in batches:
        buckets, *columns = batch.columns
        for row, bucket in enumerate(buckets.to_numpy().tolist()):
            owners, others, levels, splits = (c[row].values.to_numpy() for c in columns)
            yield bucket, (owners, others, levels, splits)


def _block(gathered: Sequence[Dealt], block_ratings: int) -> pa.RecordBatch:
    """Of whole owners: as many equal blocks as they have ratings for, but one at least."""
    owners, others, levels, splits = (
        np.concatenate(parts) for parts in zip(*gathered, strict=True)
    )
    # In an order of their own, since sums of floats depend on it and shuffles have none.
    order = ascending(others, owners)
    owners = owners[order]
    first = np.flatnonzero(np.diff(owners, prepend=-1))
    bounds = np.r_[first, len(owners)]
    columns = (lists(bounds, values[order]) for values in (others, levels, splits))
    members = owners[first]
    place = first * max(1, len(owners) // block_ratings) // len(owners)
    # A block is called by its first owner, who is in no other.
    numbers = members[np.searchsorted(place, place)]
    return pa.RecordBatch.from_arrays(
        [pa.array(numbers), pa.array(members), *columns], schemas.PACKED.fieldNames()
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
