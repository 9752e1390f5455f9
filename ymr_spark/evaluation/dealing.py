"""Predictions and held-out rows, dealt in pieces to groups of users."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark import grouping
from ymr_spark.models.arrays import Floats, Ints

SPLITS = ("test", "validation")
ID_BITS = 24  # ids are below 2^24, see r2.parsing
Batches = Iterable[pa.RecordBatch]
DEALT = """bucket int, kind int, keys array<long>, values array<double>, others array<float>"""
# Kinds of pieces, before those of the models.
HELD, FLOORS, FIRST = 0, 1, 2


@dataclass(frozen=True)
class Piece:
    """Of a bucket: the keys of held-out rows with their stars; or with what planted data leave of
    them; or of a model's predictions, with these and whether another model made them."""

    bucket: int
    kind: int
    keys: Ints
    values: Floats
    others: Floats


@dataclass(frozen=True)
class Dealing:
    """To which bucket rows go, by their users, and as what kind of piece.

    Attributes:
        models: by name; the first stands for all others.
        buckets: how many there are.
    """

    models: tuple[str, ...]
    buckets: int

    def predictions(self, batches: Batches) -> Batches:
        """DEALT pieces of schemas.PREDICTIONS rows."""
        for batch in batches:
            model = pc.index_in(batch["model"], pa.array(self.models)).fill_null(0).to_numpy()
            values = _numbers(batch["prediction"]), _numbers(batch["fallback"])
            yield self._dealt(FIRST + model, batch["user_id"], _keys(batch), *values)

    def held_out(self, batches: Batches) -> Batches:
        """DEALT pieces of (split, user_id, song_id, rating) rows."""
        for batch in batches:
            kind = np.full(len(batch), HELD)
            values = _numbers(batch["rating"]), np.zeros(len(batch))
            yield self._dealt(kind, batch["user_id"], _keys(batch), *values)

    def floors(self, batches: Batches) -> Batches:
        """DEALT pieces of (user_id, song_id, variance) of test rows."""
        for batch in batches:
            kind, test = np.full(len(batch), FLOORS), pa.repeat("test", len(batch))
            values = _numbers(batch["variance"]), np.zeros(len(batch))
            yield self._dealt(kind, batch["user_id"], _keys(batch, test), *values)

    def _dealt(
        self, kind: Ints, users: "pa.Array[Any]", keys: Ints, values: Floats, others: Floats
    ) -> pa.RecordBatch:
        kinds = FIRST + len(self.models)
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
    keys: Ints = ((number + 1) << 2 * ID_BITS) + (users << ID_BITS) + songs
    return keys


def pieces_of(batches: Batches) -> Iterator[Piece]:
    """Those of DEALT rows, in their order."""
    for batch in batches:
        buckets, kinds, *columns = batch.columns
        numbers = (column.to_numpy().tolist() for column in (buckets, kinds))
        for row, (bucket, kind) in enumerate(zip(*numbers, strict=True)):
            yield Piece(bucket, kind, *(column[row].values.to_numpy() for column in columns))
