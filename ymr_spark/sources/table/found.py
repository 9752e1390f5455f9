"""What a raw table is to the rest: rows of five columns, and the lines that are none."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Null is what is not there, or is no number, time or split.
_COLUMNS: dict[str, pa.DataType] = {
    "user": pa.string(),
    "item": pa.string(),
    "rating": pa.float64(),
    "time": pa.int64(),  # whole seconds since 1970, or what numbers the column has
    "test": pa.bool_(),  # whether the row is given as held out
}
ROWS = pa.schema(_COLUMNS)
# schemas.QUARANTINE: file, offset, raw, reason.
Quarantined = tuple[str, int | None, str, str]
_INT64 = range(-(2**63), 2**63)
_SPLITS = {"train": False, "test": True, "false": False, "true": True, "0": False, "1": True}


@dataclass(frozen=True)
class Found:
    """Some of a table's rows, in any order of columns that are not there.

    Attributes:
        rows: of `ROWS`.
        broken: lines that are no rows.
        place: file, offset and text of a row.
    """

    rows: pa.Table
    broken: list[Quarantined]
    place: Callable[[int], tuple[str, int | None, str]]

    @property
    def lines(self) -> int:
        """All that were read."""
        return len(self.rows) + len(self.broken)


# Reads a part of a table in a worker.
Read = Callable[[Iterable[pa.RecordBatch]], Iterator[Found]]


def rows(columns: dict[str, "pa.ChunkedArray[Any]"]) -> pa.Table:
    """Columns of these names as `ROWS`: texts become numbers, times and splits where they are."""
    length = len(next(iter(columns.values())))
    made = {"rating": numbers, "time": times, "test": splits}
    found = [
        made.get(field.name, _texts)(columns[field.name])
        if field.name in columns
        else pa.nulls(length, field.type)
        for field in ROWS
    ]
    return pa.table(found, schema=ROWS)


def numbers(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    """As finite float64; what is none is null."""
    try:
        found = column.cast(pa.float64())
    except pa.ArrowInvalid:
        found = pa.chunked_array([[_number(value.as_py()) for value in column]], pa.float64())
    finite: Any = pc.if_else(pc.is_finite(found), found, None)
    return finite if isinstance(finite, pa.ChunkedArray) else pa.chunked_array([finite])


def times(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    """Whole numbers stay; dates and times, of UTC where they name no zone, become seconds."""
    for kind in (pa.int64(), pa.timestamp("s")):
        try:
            return column.cast(kind).cast(pa.int64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
    return pa.chunked_array([[_time(str(value.as_py())) for value in column]], pa.int64())


def splits(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    """Whether a row is of test: `train` or `test`, or truth values."""
    named: Any = column.cast(pa.string()).dictionary_encode()
    return pa.chunked_array(
        [
            pa.array(
                [_SPLITS.get(str(v.as_py()).strip().lower()) for v in chunk.dictionary], pa.bool_()
            ).take(chunk.indices)
            for chunk in named.chunks
        ],
        pa.bool_(),
    )


def _texts(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    return column.cast(pa.string())


def _number(text: str | None) -> float | None:
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found if np.isfinite(found) else None


def _time(text: str) -> int | None:
    for kind in (int, float):  # a float has not all whole numbers
        try:
            number = int(kind(text))
        except (ValueError, OverflowError):
            continue
        return number if number in _INT64 else None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
