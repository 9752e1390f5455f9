"""The seeded random order of rows, cut into equal row groups."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from ymr_spark import grouping
from ymr_spark.errors import DataContractError
from ymr_spark.grouping import Array, Dealt
from ymr_spark.packed_identity import Words, xxhash64
from ymr_spark.packing import Packed, flat, one_row
from ymr_spark.split import SPLITS

_DEALT = "row_group int, users array<int>, songs array<int>, levels array<tinyint>"
# A row's bin is the leading 16 bits of its key.
_BIN_SHIFT, _BINS = np.uint64(48), 1 << 16
_SIGN = np.uint64(1 << 63)


@dataclass(frozen=True)
class Order:
    """That of rows by their keys.

    Attributes:
        splits: those of the packed ratings that it is of.
        first_keys: (groups - 1,), the least of each row group but the first.
    """

    splits: tuple[str, ...]
    seed: int
    first_keys: Words

    def keys(self, users: Array, songs: Array) -> Words:
        """Of rows (rows,): hashes of user, song and seed."""
        return xxhash64(users, songs, np.full(1, self.seed).astype(np.int32)) ^ _SIGN

    def mine(self, rows: Dealt) -> tuple[Array, Array, Array]:
        """Users, songs and levels of those rows that it is of."""
        users, songs, levels, splits = rows
        mine = np.isin(SPLITS, self.splits)[splits]
        return users[mine], songs[mine], levels[mine]


def row_group_count(split: str, rows: int, *, row_group_rows: int, row_groups_multiple: int) -> int:
    """The multiple of `row_groups_multiple` that gives nearest to `row_group_rows` in each.

    Raises:
        DataContractError: there are not enough rows for one in each.
    """
    if rows < row_groups_multiple:
        raise DataContractError(
            f"{split}: {rows} rows cannot fill {row_groups_multiple} row groups; "
            "lower shards.row_groups_multiple"
        )
    multiples = max(1, round(rows / row_group_rows / row_groups_multiple))
    return row_groups_multiple * min(multiples, rows // row_groups_multiple)


def ordered(rated: Packed, groups: int, seed: int) -> Order:
    """That of the rows which kernels see: row groups' sizes differ by one row at most.

    Exact quantiles without a sort: a histogram tells which bins the groups start in; only the keys
    of those are collected.

    Args:
        rated: `packing.by_user`.
    """
    order = Order(rated.splits, seed, np.zeros(0, np.uint64))
    if groups == 1:
        return order
    count = partial(_counted, order=order)
    table = rated.map_rows(count, "counts array<long>").toArrow()
    counts = flat(table, "counts").reshape(-1, _BINS).sum(axis=0)
    ends = np.cumsum(counts)
    starts = np.arange(1, groups) * ends[-1] // groups
    cut = np.searchsorted(ends, starts, side="right")
    wanted = np.bincount(cut, minlength=_BINS) > 0
    collect = partial(_keys_of_bins, order=order, wanted=wanted)
    table = rated.map_rows(collect, "keys array<long>").toArrow()
    collected = np.sort(flat(table, "keys").view(np.uint64))
    left_out = ends - np.cumsum(np.where(wanted, counts, 0))
    return Order(rated.splits, seed, collected[starts - left_out[cut]])


def grouped(rated: Packed, order: Order) -> DataFrame:
    """(row_group, users, songs, levels): pieces of the row groups, from 0, each group's one after
    the other in one partition."""
    dealt = rated.map_rows(partial(_deal, order=order), _DEALT)
    groups = len(order.first_keys) + 1
    return dealt.repartition(groups, "row_group").sortWithinPartitions("row_group")


def _counted(batches: Iterable[pa.RecordBatch], order: Order) -> Iterable[pa.RecordBatch]:
    counts = np.zeros(_BINS, np.int64)
    for rows in grouping.rows_of(batches):
        users, songs, _ = order.mine(rows)
        bins = (order.keys(users, songs) >> _BIN_SHIFT).astype(np.int64)
        counts += np.bincount(bins, minlength=_BINS)
    yield one_row(counts=counts)


def _keys_of_bins(
    batches: Iterable[pa.RecordBatch], order: Order, wanted: Array
) -> Iterable[pa.RecordBatch]:
    for rows in grouping.rows_of(batches):
        users, songs, _ = order.mine(rows)
        keys = order.keys(users, songs)
        yield one_row(keys=keys[wanted[keys >> _BIN_SHIFT]].view(np.int64))


def _deal(batches: Iterable[pa.RecordBatch], order: Order) -> Iterable[pa.RecordBatch]:
    for rows in grouping.rows_of(batches):
        columns = order.mine(rows)
        group = np.searchsorted(order.first_keys, order.keys(*columns[:2]), side="right")
        names = ["row_group", "users", "songs", "levels"]
        yield pa.RecordBatch.from_arrays(grouping.pieces(group, columns), names)
