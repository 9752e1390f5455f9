"""What the log of a Delta table says of its data files, and what is committed to it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import AddAction, create_table_with_add_actions

from ymr_spark.store import locations
from ymr_spark.store.locations import Location


@dataclass(frozen=True)
class Extent:
    """A data file and the least and the greatest value that it has of a column."""

    path: Location
    rows: float
    least: float
    most: float


_KEEP_ROWS = ("OPTIMIZE", "VACUUM START", "VACUUM END")
# Who comes second has worked on what is no longer there: nothing is tried again.
ALONE = CommitProperties(max_commit_retries=0)


def opened(table: Location, version: int | None = None) -> DeltaTable:
    """The table, at a version or the newest."""
    return DeltaTable(locations.for_delta(table), version=version)


def commits(table: Location) -> list[Location]:
    """The files of the log, one a version, the newest last; none where there is no table."""
    logged = locations.matching(table / "_delta_log", "*.json")
    return [entry for entry in logged if entry.stem.isdigit()]


def changed(table: Location, version: int | None = None) -> Location | None:
    """The file of the commit since which the rows are as they are: OPTIMIZE and VACUUM, whoever
    runs them, leave rows alone. None where there is no table.

    Args:
        version: at which they are so; without it, the newest.
    """
    found = [entry for entry in commits(table) if version is None or int(entry.stem) <= version]
    changes = (entry for entry in reversed(found) if not _keeps_rows(entry))
    return next(changes, next(iter(found), None))


def files(table: Location, delta: DeltaTable) -> list[Location]:
    """The data files in the order of their names.

    Args:
        table: its folder.
    """
    found = pa.table(delta.get_add_actions())["path"].to_numpy()
    return sorted((file(table, path) for path in found), key=str)


def extents(table: Location, delta: DeltaTable, column: str) -> list[Extent]:
    """The same with what the log says of their rows and a column's values; where it says
    nothing, there may be any."""
    actions = pa.table(delta.get_add_actions(flatten=True)).to_pylist()
    anything = {"num_records": inf, f"min.{column}": -inf, f"max.{column}": inf}
    found = []
    for action in actions:
        known = {name: action[name] for name in anything if action.get(name) is not None}
        found.append(Extent(file(table, action["path"]), *(anything | known).values()))
    return found


def commit(
    table: Location,
    written: pa.Table,
    schema: Schema,
    partitions: Sequence[str],
    where: Mapping[str, str] | None = None,
    *,
    append: bool = False,
) -> None:
    """Make data files that are in the table's folder its rows, or those of a part of it.

    Args:
        written: parquet.WRITTEN rows.
        where: the partition whose rows they replace; None for the whole table, which need not be.
        append: to the rows that are there.
    """
    added = [_added(row) for row in written.sort_by("path").to_pylist()]
    columns = [*partitions]
    if append:
        opened(table).create_write_transaction(
            [*added], "append", schema, columns, commit_properties=ALONE
        )
    elif where:
        part = [(column, "=", value) for column, value in where.items()]
        opened(table).create_write_transaction(
            [*added], "overwrite", schema, columns, part, commit_properties=ALONE
        )
    else:
        create_table_with_add_actions(
            locations.for_delta(table),
            schema,
            added,
            mode="overwrite",
            partition_by=columns,
            commit_properties=ALONE,
        )


def file(table: Location, path: str) -> Location:
    """The data file that the log calls so."""
    # The log has relative paths in percent-encoding; `file_uris` encodes the table's own too.
    return table / unquote(path)


def _keeps_rows(entry: Location) -> bool:
    lines = entry.read_bytes().splitlines()
    told = [json.loads(line) for line in lines if line.startswith(b'{"commitInfo"')]
    return any(one["commitInfo"].get("operation") in _KEEP_ROWS for one in told)


def _added(written: Mapping[str, Any]) -> AddAction:
    partitions = dict(part.split("=", 1) for part in PurePosixPath(written["path"]).parent.parts)
    rest = written["modified"], True, written["statistics"]
    return AddAction(written["path"], written["bytes"], partitions, *rest)
