"""Rows of tables, dealt as Spark's workers deal them."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ymr_spark.sources.table import dealing
from ymr_spark.sources.table.found import ROWS, Found, Quarantined
from ymr_spark.sources.table.judging import Rules

ANY = Rules(None, time=False, split=False)
Row = tuple[Any, ...]  # user, item, rating, time, test


def found(*rows: Row, broken: int = 0) -> Found:
    listed = [dict(zip(ROWS.names, row, strict=True)) for row in rows]
    faults: list[Quarantined] = [("f", n, "few", "wrong_number_of_fields") for n in range(broken)]
    return Found(
        pa.Table.from_pylist(listed, schema=ROWS), faults, lambda row: ("f", 1_000 + row, "raw")
    )


def dealt(parts: Sequence[Found], number: int = 1, rules: Rules = ANY) -> pa.Table:
    batches = list(dealing.deal(lambda _: iter(parts), rules, number, []))
    return pa.Table.from_batches(batches, dealing._DEALT)


def listed(table: pa.Table, column: str) -> list[Any]:
    return table[column].to_pylist()


def pieces(table: pa.Table, bucket: int) -> pa.Table:
    return table.filter(pa.array([b == bucket for b in listed(table, "bucket")], pa.bool_()))
