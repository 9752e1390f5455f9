from typing import Any

import pyarrow as pa
import pytest

from ymr_spark.sources.table import found
from ymr_spark.sources.table.found import ROWS, Found


def column(*values: Any, kind: pa.DataType | None = None) -> "pa.ChunkedArray[Any]":
    """In two chunks."""
    array: Any = pa.array(values, kind)
    return pa.chunked_array([array[:1], array[1:]], array.type)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2.5", "-3e2", None], [1.0, 2.5, -300.0, None]),
        (["1", "five", " 2 ", "", "4,5"], [1.0, None, 2.0, None, None]),
        (["nan", "inf", "-Infinity", "1e999", "3"], [None, None, None, None, 3.0]),
        (["x", "nan", "inf", "1e999", ".5", "+5."], [None, None, None, None, 0.5, 5.0]),
        ([3, None, 4], [3.0, None, 4.0]),
        ([float("nan"), 2.5, float("inf")], [None, 2.5, None]),
    ],
)
def test_numbers_are_finite_or_null(values: list[Any], expected: list[float | None]) -> None:
    numbers = found.numbers(column(*values))
    assert numbers.type == pa.float64()
    assert numbers.to_pylist() == expected


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("-7", -7),
        ("1234567890123456789", 1_234_567_890_123_456_789),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("-9223372036854775809", None),
        ("1e30", None),
        ("1.6e9", 1_600_000_000),
        ("2.75", 2),
        ("1970-01-02", 86_400),
        ("1969-12-31", -86_400),
        ("2000-03-01 00:00:01", 951_868_801),  # 11,017 days
        ("2000-03-01T00:00:01", 951_868_801),
        ("2000-03-01T00:00:01Z", 951_868_801),
        ("2000-03-01T02:00:01+02:00", 951_868_801),
        ("2000-02-29T19:00:01-05:00", 951_868_801),
        ("2000-03-01 00:00:01.750", 951_868_801),
        ("2000-03-01 00:01", 951_868_860),
        (" 1970-01-02 ", 86_400),
        ("1970-02-30", None),
        ("01/02/1970", None),
        ("yesterday", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_times_alone_and_beside_any_others(value: str | None, seconds: int | None) -> None:
    others = {"5": 5, "1970-01-02": 86_400, "1970-01-01T00:00:09Z": 9, "x": None, "0.5": 0}
    assert found.times(column(value, kind=pa.string())).to_pylist() == [seconds]
    for other, expected in others.items():
        times = found.times(column(other, value))
        assert times.type == pa.int64()
        assert times.to_pylist() == [expected, seconds]


def test_times_that_are_no_texts() -> None:
    assert found.times(column(7, None, -2)).to_pylist() == [7, None, -2]
    of_zone = column(5_000_000, None, kind=pa.timestamp("us", "UTC"))
    assert found.times(of_zone.cast(pa.timestamp("s", "UTC"))).to_pylist() == [5, None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["train", "test", "TEST ", " Train"], [False, True, True, False]),
        (["0", "1", "true", "False"], [False, True, True, False]),
        (["validation", "", None, "2", "test"], [None, None, None, None, True]),
        ([True, None, False], [True, None, False]),
        ([1, 0, 7], [True, False, None]),
    ],
)
def test_splits(values: list[Any], expected: list[bool | None]) -> None:
    assert found.splits(column(*values)).to_pylist() == expected


def test_rows_have_all_columns_in_their_order() -> None:
    columns = {
        "rating": column("4", "x"),
        "item": column(12, 13),
        "user": column("u", None),
        "time": column("1970-01-01", "3"),
    }
    rows = found.rows(columns)
    assert rows.schema == ROWS
    assert rows.to_pylist() == [
        {"user": "u", "item": "12", "rating": 4.0, "time": 0, "test": None},
        {"user": None, "item": "13", "rating": None, "time": 3, "test": None},
    ]


def test_no_rows() -> None:
    empty = pa.chunked_array([], pa.string())
    rows = found.rows({field.name: empty for field in ROWS})
    assert rows.schema == ROWS
    assert len(rows) == 0


def test_lines_are_rows_and_broken_ones() -> None:
    rows = found.rows({"user": column("u", "v", "w")})
    assert Found(rows, [("f", 0, "x", "reason")] * 2, lambda row: ("f", row, "")).lines == 5
