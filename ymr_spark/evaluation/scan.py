"""The one pass over predictions and held-out rows from which all figures of `evaluate` come.

Rows are dealt, in pieces, to groups of users that a task holds at once; a group is matched key by
key, so that no prediction is judged that belongs to no row, and leaves sums only.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from ymr_spark.evaluation import ordering
from ymr_spark.evaluation.dealing import (
    DEALT,
    FIRST,
    FLOORS,
    HELD,
    ID_BITS,
    SPLITS,
    Batches,
    Dealing,
    Piece,
    pieces_of,
)
from ymr_spark.evaluation.slicing import Slicings
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.packing import flat
from ymr_spark.scale import Scale

ERRORS = ("rows", "squared", "absolute", "fallbacks")
# Over the rows of a bin; the last three over its users, from their own sums.
SLICES = (
    *("rows", "prediction", "rating", "squared", "floor"),
    *("squared_squared", "rows_squared", "rows_rows"),
)
ORDERS = ("users", "sum", "squares")
# The shape of each array of `Sums`.
_SHAPES = {
    "users": (-1,),
    "errors": (len(ERRORS), -1),
    "slices": (-1, len(SLICES)),
    "orders": (-1, len(ORDERS)),
}
_HELD_ROWS = 131_072  # of a group, roughly; with nine models 1.2 M predictions


@dataclass(frozen=True)
class Sums:
    """Of the users of a group, for a model and a split; arrays are empty unless `matching`."""

    bucket: int  # the group
    model: str
    split: str
    matching: bool  # whether the predictions are of the very rows that are held out
    rows: int  # predictions
    unusable: int  # of them, no number from 1 to 5
    users: Ints  # (users,) ids
    errors: Floats  # (ERRORS, users)
    slices: Floats  # (bins, SLICES)
    orders: Floats  # (2, ORDERS): NDCG and pairwise accuracy


class Rows(Protocol):
    """Rows in Arrow batches, some a task."""

    def map(self, kernel: Callable[[Batches], Batches], schema: str) -> DataFrame:
        """What the kernel makes of each task's."""


def sums(
    predictions: Rows,
    held_out: Rows,
    models: Sequence[str],
    rows: int,
    cuts: Slicings,
    floors: Rows | None = None,
) -> list[Sums]:
    """Those of each group, model and split that has predictions or held-out rows.

    Args:
        predictions: schemas.PREDICTIONS; those of no model of `models` come as model "".
        held_out: (split, user_id, song_id, rating).
        rows: of `held_out`.
        floors: (user_id, song_id, variance) of test rows: what planted data leave to no model;
            None where that is not known.
    """
    dealing = Dealing(("", *models), 1 + rows // _HELD_ROWS)
    dealt = predictions.map(dealing.predictions, DEALT).union(held_out.map(dealing.held_out, DEALT))
    if floors is not None:
        dealt = dealt.union(floors.map(dealing.floors, DEALT))
    shared = dealt.sparkSession.sparkContext.broadcast((dealing.models, cuts))

    def judge(batches: Batches) -> Batches:
        for bucket, pieces in groupby(pieces_of(batches), key=lambda piece: piece.bucket):
            found = [*_judged(bucket, [*pieces], *shared.value)]
            yield pa.RecordBatch.from_pylist(found, _ARROW)

    groups = dealt.repartition("bucket").sortWithinPartitions("bucket")
    found = groups.mapInArrow(judge, _COLUMNS).toArrow()
    shared.destroy()
    ordered = found.sort_by(
        [("model", "ascending"), ("split", "ascending"), ("bucket", "ascending")]
    )
    return [*_records(ordered)]


_COLUMNS = """bucket INT, model STRING, split STRING, matching BOOLEAN, rows LONG, unusable LONG,
    users ARRAY<INT>, errors ARRAY<DOUBLE>, slices ARRAY<DOUBLE>, orders ARRAY<DOUBLE>"""
_ROW: dict[str, pa.DataType] = {
    "bucket": pa.int32(),
    "model": pa.string(),
    "split": pa.string(),
    "matching": pa.bool_(),
    "rows": pa.int64(),
    "unusable": pa.int64(),
    "users": pa.list_(pa.int32()),
    **dict.fromkeys(("errors", "slices", "orders"), pa.list_(pa.float64())),
}
_ARROW = pa.schema(_ROW)


def _records(table: pa.Table) -> Iterator[Sums]:
    plain = table.drop_columns(list(_SHAPES)).to_pylist()
    for place, values in enumerate(plain):
        row = table.slice(place, 1)
        values |= {name: flat(row, name).reshape(shape) for name, shape in _SHAPES.items()}
        yield Sums(**values)


@dataclass(frozen=True)
class _Rows:
    """The held-out rows of one group and split, keys ascending; arrays (rows,)."""

    keys: Ints
    ratings: Floats  # stars
    floor: Floats
    users: Ints  # (users,) ids
    user: Ints  # position in `users`
    bins: list[Ints]
    sizes: list[int]  # bins of each slicing


def _rows(keys: Ints, ratings: Floats, floor: Floats, cuts: Slicings) -> _Rows:
    mask = (1 << ID_BITS) - 1
    user_ids = keys >> ID_BITS & mask
    users, user = np.unique(user_ids, return_inverse=True)
    bins = cuts.of(user_ids, keys & mask, ratings)
    sizes = [len(labels) for labels in cuts.labels.values()]
    return _Rows(keys, ratings, floor, users.astype(np.int32), user, bins, sizes)


def _judged(
    bucket: int, pieces: Sequence[Piece], names: Sequence[str], cuts: Slicings
) -> Iterator[dict[str, Any]]:
    """A dict of `Sums` for each model and split of one group, its arrays flat."""
    of_kind = {
        kind: _sorted([*mine]) for kind, mine in groupby(sorted(pieces, key=_kind), key=_kind)
    }
    rows = _by_split(of_kind.get(HELD, _NONE), of_kind.get(FLOORS, _NONE), cuts)
    for kind, (keys, stars, fallback) in of_kind.items():
        splits = keys >> 2 * ID_BITS
        for number, split in enumerate(SPLITS, start=1):
            own = splits == number
            if kind >= FIRST and own.any():
                of_split = rows[split], keys[own], stars[own], fallback[own]
                yield {
                    "bucket": bucket,
                    "model": names[kind - FIRST],
                    "split": split,
                    **_sums(cuts, *of_split),
                }


_Columns = tuple[Ints, Floats, Floats]
_NONE: _Columns = (np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.float32))


def _kind(piece: Piece) -> int:
    return piece.kind


def _sorted(pieces: Sequence[Piece]) -> _Columns:
    """Keys, values and others, by key."""
    columns = zip(*((p.keys, p.values, p.others) for p in pieces), strict=True)
    keys, values, others = map(np.concatenate, columns)
    order = np.argsort(keys, kind="stable")
    return keys[order], values[order], others[order]


def _by_split(held: _Columns, floors: _Columns, cuts: Slicings) -> dict[str, _Rows]:
    keys, ratings, _ = held
    floor = np.full(len(keys), np.nan)
    _, mine, known = np.intersect1d(keys, floors[0], return_indices=True)
    floor[mine] = floors[1][known]
    found = {}
    for number, split in enumerate(SPLITS, start=1):
        of = slice(*np.searchsorted(keys >> 2 * ID_BITS, [number, number + 1]))
        found[split] = _rows(keys[of], ratings[of], floor[of], cuts)
    return found


def _sums(
    cuts: Slicings, rows: _Rows, keys: Ints, stars: Floats, fallback: Floats
) -> dict[str, Any]:
    if not np.array_equal(keys, rows.keys):
        return {"matching": False, "rows": len(keys), "unusable": 0}
    users = len(rows.users)
    error = stars - rows.ratings
    squared = error**2
    errors = [
        np.bincount(rows.user, weights, users).astype(np.float64)
        for weights in (None, squared, np.abs(error), fallback)
    ]
    bins = [*rows.bins, cuts.of_predictions(stars)]
    usable = (stars >= cuts.scale.lowest) & (stars <= cuts.scale.highest)
    slices = [
        _slice_sums(rows, b, size, stars, squared) for b, size in zip(bins, rows.sizes, strict=True)
    ]
    return {
        "matching": True,
        "rows": len(keys),
        "unusable": int(np.count_nonzero(~usable)),
        "users": rows.users,
        "errors": np.concatenate(errors),
        "slices": np.concatenate(slices).ravel(),
        "orders": _order_sums(rows, stars, cuts.scale).ravel(),
    }


def _slice_sums(rows: _Rows, bins: Ints, size: int, stars: Floats, squared: Floats) -> Floats:
    """(size, SLICES) of one slicing."""
    cell = rows.user * size + bins
    shape = len(rows.users), size
    n, s = (np.bincount(cell, w, shape[0] * size).reshape(shape) for w in (None, squared))
    plain = [np.bincount(bins, w, size) for w in (stars, rows.ratings, squared, rows.floor)]
    products = [(a * b).sum(axis=0) for a, b in ((s, s), (n, s), (n, n))]
    return np.column_stack([n.sum(axis=0), *plain, *products]).astype(np.float64)


def _order_sums(rows: _Rows, stars: Floats, scale: Scale) -> Floats:
    """(2, ORDERS); users whose ratings are all equal have no pair to put in order."""
    ranked = ordering.ranked(rows.user, rows.ratings, stars)
    right, pairs = ordering.pairwise(ranked)
    accuracy = right[pairs > 0] / pairs[pairs > 0]
    each = ordering.ndcg(ranked, scale), accuracy
    return np.array([[len(v), v.sum(), (v**2).sum()] for v in each])
