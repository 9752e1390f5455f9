"""The content hash of packed ratings, the same as that of their rows by `ratings.identity`."""

from collections.abc import Iterable
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import functions as F

from ymr_spark import grouping
from ymr_spark.identity import Identity
from ymr_spark.packing import Packed
from ymr_spark.split import SPLITS

Side = Literal["user_id", "song_id"]
Words = npt.NDArray[np.uint64]
_NUMBERS = ("rows", "hash_high", "hash_low")
_SUMS = pa.schema([("split", pa.int32()), *((name, pa.int64()) for name in _NUMBERS)])
_COLUMNS = "split int, rows long, hash_high long, hash_low long"
# Of the XXH64 specification; the seed is Spark's.
_PRIMES = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
_P1, _P2, _P3, _, _P5 = map(np.uint64, _PRIMES)
_SEED = np.uint64(42)
_ROWS_AT_ONCE = 1 << 14  # whose words stay in the second-level cache


def identities(packed: Packed, owner: Side) -> dict[str, Identity]:
    """That of each split which packed ratings have.

    Args:
        owner: what the owners are.
    """
    sums = packed.map_rows(partial(_hashed, owner=owner), _COLUMNS).groupBy("split")
    found = sums.agg(*(F.sum(name).alias(name) for name in _NUMBERS))
    return {
        SPLITS[row["split"]]: Identity.of_halves(row["rows"], row["hash_high"], row["hash_low"])
        for row in found.collect()
    }


def xxhash64(*columns: npt.NDArray[Any]) -> Words:
    """Spark's function of the same name, of columns of 32-bit whole numbers, (rows,) each; a
    column of one row stands for as many."""
    rows = max(map(len, columns))
    found = np.full(rows, _SEED)
    for first in range(0, rows, _ROWS_AT_ONCE):
        some = slice(first, first + _ROWS_AT_ONCE)
        for column in columns:
            part = column[some] if len(column) == rows else column
            word = part.astype(np.int32).view(np.uint32).astype(np.uint64)
            found[some] = _hash(word, found[some])
    return found


def _hash(word: Words, seed: Words) -> Words:
    found = (seed + _P5 + np.uint64(4)) ^ (word * _P1)
    found = (found << np.uint64(23) | found >> np.uint64(41)) * _P2 + _P3
    found = (found ^ found >> np.uint64(33)) * _P2
    found = (found ^ found >> np.uint64(29)) * _P3
    return found ^ found >> np.uint64(32)


def halves(words: Words) -> tuple[int, int]:
    """The sums of the upper and of the lower 32 bits, which `Identity.of_halves` takes."""
    return int((words >> np.uint64(32)).sum()), int((words & np.uint64(0xFFFFFFFF)).sum())


def _hashed(batches: Iterable[pa.RecordBatch], owner: Side) -> Iterable[pa.RecordBatch]:
    for owners, others, levels, splits in grouping.rows_of(batches):
        sides = (owners, others) if owner == "user_id" else (others, owners)
        words = xxhash64(*sides, levels)
        for split in np.unique(splits):
            mine = words[splits == split]
            row = dict(zip(_SUMS.names, (int(split), len(mine), *halves(mine)), strict=True))
            yield pa.RecordBatch.from_pylist([row], _SUMS)
