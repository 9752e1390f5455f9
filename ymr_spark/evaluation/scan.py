"""The one pass over predictions and held-out rows from which all figures of `evaluate` come.

Rows are dealt, in pieces, to groups of users that a task holds at once; a group is matched key by
key, so that no prediction is judged that belongs to no row, and leaves sums only.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from ymr_spark import grouping
from ymr_spark.evaluation import ordering
from ymr_spark.evaluation.slicing import Slicings
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.packing import flat
from ymr_spark.scale import Scale

SPLITS = ("test", "validation")
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
_ID_BITS = 24  # ids are below 2^24, see r2.parsing
_Batches = Iterable[pa.RecordBatch]


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

    def map(self, kernel: Callable[[_Batches], _Batches], schema: str) -> DataFrame:
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
    dealing = _Dealing(("", *models), 1 + rows // _HELD_ROWS)
    dealt = predictions.map(dealing.predictions, _DEALT).union(
        held_out.map(dealing.held_out, _DEALT)
    )
    if floors is not None:
        dealt = dealt.union(floors.map(dealing.floors, _DEALT))
    shared = dealt.sparkSession.sparkContext.broadcast((dealing.models, cuts))

    def judge(batches: _Batches) -> _Batches:
        for bucket, pieces in groupby(_pieces(batches), key=lambda piece: piece.bucket):
            found = [*_judged(bucket, [*pieces], *shared.value)]
            yield pa.RecordBatch.from_pylist(found, _ARROW)

    groups = dealt.repartition("bucket").sortWithinPartitions("bucket")
    found = groups.mapInArrow(judge, _COLUMNS).toArrow()
    shared.destroy()
    ordered = found.sort_by(
        [("model", "ascending"), ("split", "ascending"), ("bucket", "ascending")]
    )
    return [*_records(ordered)]


_DEALT = """bucket int, kind int, keys array<long>, values array<double>, others array<float>"""
# Kinds of pieces, before those of the models.
_HELD, _FLOORS, _FIRST = 0, 1, 2


@dataclass(frozen=True)
class _Piece:
    """Of a bucket: the keys of held-out rows with their stars; or with what planted data leave of
    them; or of a model's predictions, with these and whether another model made them."""

    bucket: int
    kind: int
    keys: Ints
    values: Floats
    others: Floats


@dataclass(frozen=True)
class _Dealing:
    models: tuple[str, ...]
    buckets: int

    def predictions(self, batches: _Batches) -> _Batches:
        for batch in batches:
            model = pc.index_in(batch["model"], pa.array(self.models)).fill_null(0).to_numpy()
            values = _numbers(batch["prediction"]), _numbers(batch["fallback"])
            yield self._dealt(_FIRST + model, batch["user_id"], _keys(batch), *values)

    def held_out(self, batches: _Batches) -> _Batches:
        for batch in batches:
            kind = np.full(len(batch), _HELD)
            values = _numbers(batch["rating"]), np.zeros(len(batch))
            yield self._dealt(kind, batch["user_id"], _keys(batch), *values)

    def floors(self, batches: _Batches) -> _Batches:
        for batch in batches:
            kind, test = np.full(len(batch), _FLOORS), pa.repeat("test", len(batch))
            values = _numbers(batch["variance"]), np.zeros(len(batch))
            yield self._dealt(kind, batch["user_id"], _keys(batch, test), *values)

    def _dealt(
        self, kind: Ints, users: "pa.Array[Any]", keys: Ints, values: Floats, others: Floats
    ) -> pa.RecordBatch:
        kinds = _FIRST + len(self.models)
        number = users.to_numpy() % self.buckets * kinds + kind
        found, *pieces = grouping.pieces(number, (keys, values, others.astype(np.float32)))
        place = (pa.array(part, pa.int32()) for part in np.divmod(found.to_numpy(), kinds))
        names = ["bucket", "kind", "keys", "values", "others"]
        return pa.RecordBatch.from_arrays([*place, *pieces], names)


def _numbers(column: "pa.Array[Any]") -> Floats:
    """Nulls are no numbers."""
    found: Floats = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _keys(batch: pa.RecordBatch, split: "pa.Array[Any] | None" = None) -> Ints:
    """(split, user_id, song_id) as one number that sorts like them."""
    found = pc.index_in(batch["split"] if split is None else split, pa.array(SPLITS))
    number = found.fill_null(-1).to_numpy().astype(np.int64)
    users, songs = (batch[name].to_numpy().astype(np.int64) for name in ("user_id", "song_id"))
    keys: Ints = ((number + 1) << 2 * _ID_BITS) + (users << _ID_BITS) + songs
    return keys


def _pieces(batches: _Batches) -> Iterator[_Piece]:
    for batch in batches:
        buckets, kinds, *columns = batch.columns
        numbers = (column.to_numpy().tolist() for column in (buckets, kinds))
        for row, (bucket, kind) in enumerate(zip(*numbers, strict=True)):
            yield _Piece(bucket, kind, *(column[row].values.to_numpy() for column in columns))


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
    mask = (1 << _ID_BITS) - 1
    user_ids = keys >> _ID_BITS & mask
    users, user = np.unique(user_ids, return_inverse=True)
    bins = cuts.of(user_ids, keys & mask, ratings)
    sizes = [len(labels) for labels in cuts.labels.values()]
    return _Rows(keys, ratings, floor, users.astype(np.int32), user, bins, sizes)


def _judged(
    bucket: int, pieces: Sequence[_Piece], names: Sequence[str], cuts: Slicings
) -> Iterator[dict[str, Any]]:
    """A dict of `Sums` for each model and split of one group, its arrays flat."""
    of_kind = {
        kind: _sorted([*mine]) for kind, mine in groupby(sorted(pieces, key=_kind), key=_kind)
    }
    rows = _by_split(of_kind.get(_HELD, _NONE), of_kind.get(_FLOORS, _NONE), cuts)
    for kind, (keys, stars, fallback) in of_kind.items():
        splits = keys >> 2 * _ID_BITS
        for number, split in enumerate(SPLITS, start=1):
            own = splits == number
            if kind >= _FIRST and own.any():
                of_split = rows[split], keys[own], stars[own], fallback[own]
                yield {
                    "bucket": bucket,
                    "model": names[kind - _FIRST],
                    "split": split,
                    **_sums(cuts, *of_split),
                }


_Columns = tuple[Ints, Floats, Floats]
_NONE: _Columns = (np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.float32))


def _kind(piece: _Piece) -> int:
    return piece.kind


def _sorted(pieces: Sequence[_Piece]) -> _Columns:
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
        of = slice(*np.searchsorted(keys >> 2 * _ID_BITS, [number, number + 1]))
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
