"""The attributes of items out of a file or table of their own."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.sources.raw_file import READ_ERRORS, described, unreadable
from ymr_spark.sources.table import frame_rows
from ymr_spark.sources.table.items import ATTRIBUTES, genre_list
from ymr_spark.sources.table.raw_table import data_files, form_of
from ymr_spark.sources.table.text_rows import separator_of
from ymr_spark.store.locations import Location

_ENDS = r"\r\n|\r|\n"  # of lines; a title can have others of Unicode's
_COMMON = {
    "id": ("item", "itemid", "id", "song", "songid", "track", "trackid", "movie", "movieid"),
    "title": ("title", "name", "tracktitle", "movietitle"),
    "artist": ("artist", "artistname"),
    "album": ("album", "albumname"),
    "genres": ("genres", "genre"),
}


def opened(
    spark: SparkSession,
    path: Location,
    given: Mapping[str, str | None],
    genre_separator: str,
    form: str | None = None,
) -> pa.Table:
    """Columns among `ATTRIBUTES` of a table, genres as lists.

    Args:
        given: the names of its columns, by `ATTRIBUTES`; None for those that common names tell.

    Raises:
        DataContractError: it cannot be read.
        SettingsError: a column that is given is not there, or that of the ids cannot be told.
    """
    form = form or form_of(path)
    if form == "text":
        names, rows = _text(path)
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
        of = _columns(given, names, path)
        return table({role: columns.get(name, []) for role, name in of.items()}, genre_separator)
    frame = frame_rows.open_frame(spark, path, form)
    of = _columns(given, frame_rows.names(frame), path)
    found = frame.select(*(F.col(frame_rows.quoted(name)).alias(r) for r, name in of.items()))
    return table(found.toArrow().to_pydict(), genre_separator)


def table(columns: Mapping[str, Sequence[Any]], genre_separator: str) -> pa.Table:
    """Values by `ATTRIBUTES`, genres as lists or as texts that a separator cuts."""
    made: dict[str, Any] = {}
    for role, values in columns.items():
        if role == "genres":
            lists = [v if isinstance(v, list) else genre_list(v, genre_separator) for v in values]
            made[role] = pa.array(lists, pa.list_(pa.string()))
        else:
            made[role] = pa.array([None if v is None else str(v) for v in values], pa.string())
    return pa.table(made)


def lines(
    path: Location, separator: str, encoding: str = "utf-8", most: int = -1
) -> list[list[str]]:
    """The fields of each line that is not blank, without quotation marks.

    Args:
        most: cuts a line, at most; the last field has what is left.

    Raises:
        DataContractError: the file cannot be read.
    """
    text = _decoded(path, encoding)
    return [line.split(separator, most) for line in re.split(_ENDS, text) if line.strip()]


def records(path: Location, separator: str = ",", encoding: str = "utf-8") -> list[list[str]]:
    """As `lines` of a file with quotation marks, within which lines may break.

    Raises:
        DataContractError: the file cannot be read, or a field does not end.
    """
    if len(separator) > 1:  # as without quotation marks
        return lines(path, separator, encoding)
    text = io.StringIO(_decoded(path, encoding), newline="")
    try:
        return [row for row in csv.reader(text, delimiter=separator) if row]
    except csv.Error as e:
        raise DataContractError(f"{path}: {e}; is a quotation mark not closed?") from e


def _text(path: Location) -> tuple[list[str], list[list[str]]]:
    """Names and rows; a row that is shorter or longer than the names is no item."""
    names: list[str] = []
    rows: list[list[str]] = []
    for file in data_files(path):
        separator = separator_of(_decoded(file, "utf-8").split("\n", 1)[0])
        first, *others = records(file, separator) or [[]]
        head = [name.strip() for name in first]
        names = names or head
        if head != names:
            raise DataContractError(f"{file}: begins with {head}, the files before with {names}")
        wrong = [row for row in others if len(row) != len(names)]
        if wrong:
            raise DataContractError(
                f"{file}: {wrong[0]} has {len(wrong[0])} fields, expected {', '.join(names)}; "
                "correct the file"
            )
        rows += others
    return names, rows


def _decoded(path: Location, encoding: str) -> str:
    try:
        with described(path, 0, 0).open() as opened_file:
            text = opened_file.read().decode(encoding)
    except UnicodeDecodeError as e:
        raise DataContractError(f"{path}: no {encoding} at byte {e.start}; convert it") from e
    except READ_ERRORS as e:
        raise unreadable(path, e) from e
    return text.removeprefix("\ufeff")


def _columns(
    given: Mapping[str, str | None], names: Sequence[str], path: Location
) -> dict[str, str]:
    plain = {"".join(filter(str.isalnum, name.lower())): name for name in reversed(names)}
    found = {}
    for role in ATTRIBUTES:
        guess = next((plain[name] for name in _COMMON[role] if name in plain), None)
        name = given.get(role) or guess
        if name is not None and name not in names:
            raise SettingsError(
                f"{path}: no column {name} for raw.items.{role}; it has {', '.join(names)}"
            )
        if name is not None:
            found[role] = name
    if "id" not in found:
        raise SettingsError(
            f"{path}: which column is the item's id? It has {', '.join(names)}; say so by "
            "--set raw.items.id=NAME"
        )
    return found
