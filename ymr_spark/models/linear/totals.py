"""How many ratings each user and each song has, and their sum, from packed ratings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.packing import Block, Packed, flat, one_row
from ymr_spark.positions import Positions


@dataclass(frozen=True)
class Totals:
    """Aligned arrays; ids ascend."""

    ids: Ints
    ratings: Floats
    stars: Floats  # their sum

    @property
    def mean(self) -> float:
        """Of all ratings, in stars."""
        return float(self.stars.sum() / self.ratings.sum())


_NOTHING = Totals(np.zeros(0, np.int32), np.zeros(0), np.zeros(0))


def of_owners(packed: Packed) -> Totals:
    """Of those whom the ratings are packed by."""

    def totals(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
        for block in blocks:
            stars = np.add.reduceat(block.ratings, block.starts)
            counts = block.counts.astype(np.float64)
            columns = [pa.array(values) for values in (block.owners, counts, stars)]
            yield pa.RecordBatch.from_arrays(columns, ["id", "ratings", "stars"])

    found = packed.map(totals, "id int, ratings double, stars double").toArrow().sort_by("id")
    return Totals(*(column.to_numpy() for column in found.columns))


def of_others(packed: Packed) -> Totals:
    """Of the others: the songs of users' blocks."""

    def totals(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
        found = reduce(_added, map(_of_block, blocks), _NOTHING)
        yield one_row(ids=found.ids, ratings=found.ratings, stars=found.stars)

    table = packed.map(totals, "ids array<int>, ratings array<double>, stars array<double>")
    rows = table.toArrow()
    parts = (rows.slice(row, 1) for row in range(rows.num_rows))
    found = (Totals(*(flat(part, name) for name in part.column_names)) for part in parts)
    return reduce(_added, found, _NOTHING)


def _of_block(block: Block) -> Totals:
    # A flag for each id there could be is much faster than sorting, and little beside counts.
    rated = np.zeros(int(block.others.max()) + 1, bool)
    rated[block.others] = True
    ids = np.flatnonzero(rated).astype(np.int32)
    place = Positions(ids).of(block.others)
    counts, stars = (np.bincount(place, w).astype(np.float64) for w in (None, block.ratings))
    return Totals(ids, counts, stars)


def _added(one: Totals, other: Totals) -> Totals:
    ids = np.union1d(one.ids, other.ids)
    ratings, stars = np.zeros(len(ids)), np.zeros(len(ids))
    for part in (one, other):
        place = np.searchsorted(ids, part.ids)
        ratings[place] += part.ratings
        stars[place] += part.stars
    return Totals(ids, ratings, stars)
