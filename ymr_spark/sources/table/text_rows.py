"""Rows of text files: CSV, TSV and their like, read in stretches of whole lines.

Arrow parses blocks whose lines are all regular; where one is not, the lines of that block are
parsed one by one.
"""

import csv as one_line
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pyarrow import csv

from ymr_spark.errors import DataContractError
from ymr_spark.sources.raw_file import RawFile
from ymr_spark.sources.reasons import Reason, text_fault
from ymr_spark.sources.stretches import BLOCK_BYTES, Stretch, texts
from ymr_spark.sources.table import found
from ymr_spark.sources.table.columns import Columns
from ymr_spark.sources.table.found import Found

SEPARATORS = ("\t", "::", ",", ";", "|")
_DOUBLE = "::"  # MovieLens' older releases; Arrow takes one character


@dataclass(frozen=True)
class Form:
    """How a line is cut into columns.

    Attributes:
        names: of all columns of a line, in order.
        quoted: whether a field may be in quotation marks.
        test_files: names of the files whose rows are given as held out, where files say so.
        lowest: a number that stands for the rating 0.
    """

    separator: str
    names: tuple[str, ...]
    columns: Columns
    quoted: bool = True
    test_files: frozenset[str] | None = None
    lowest: float | None = None


def fields(line: str, separator: str, quoted: bool = True) -> list[str] | None:
    """A line's; None where a quotation mark is not closed."""
    if separator == _DOUBLE or not quoted:
        return line.split(separator)
    try:
        # An open one takes the empty line too.
        found, *rest = one_line.reader([line, ""], delimiter=separator)
    except one_line.Error:
        return None
    return found if rest else None


def separator_of(line: str) -> str:
    """That which gives the most fields."""
    return max(SEPARATORS, key=lambda separator: len(fields(line, separator) or []))


def first_line(file: RawFile) -> tuple[str, int]:
    """The first line without its end, and where the next one begins.

    Raises:
        DataContractError: it cannot be read, or is no UTF-8.
    """
    text = next(texts(Stretch(file, file.start, None), BLOCK_BYTES))
    line = text[: text.index(b"\n") + 1]
    try:
        return line.decode().strip("\r\n"), file.start + len(line)
    except UnicodeDecodeError as e:
        raise DataContractError(f"{file.path}: the first line is no UTF-8; convert it") from e


def reader(stretches: Sequence[Stretch], form: Form) -> found.Read:
    """Reads the stretches whose numbers a worker gets."""

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[Found]:
        for batch in batches:
            for number in batch.column(0).to_numpy().tolist():
                stretch, offset = stretches[number], stretches[number].start
                for text in texts(stretch, BLOCK_BYTES):
                    yield parsed(text, form, stretch.file.name, offset)
                    offset += len(text)

    return read


def parsed(text: bytes, form: Form, file: str = "", offset: int | None = None) -> Found:
    """The rows of whole lines; blank lines are none.

    Args:
        offset: of the first of them in the file, None where they do not stand there so.
    """
    lines = _Lines(text, file, offset)
    table, broken = _by_arrow(text, form) or _by_line(lines, form)
    columns: dict[str, Any] = {role: table[name] for role, name in form.columns.of.items()}
    if form.test_files is not None:
        columns["test"] = pa.chunked_array([pa.repeat(file in form.test_files, len(table))])
    if form.lowest is not None:
        rating = found.numbers(columns["rating"]).to_numpy()
        columns["rating"] = pa.chunked_array([np.where(rating == form.lowest, 0, rating)])
    kept = np.delete(np.arange(lines.count), broken) if broken else None
    faults = [(*lines.place(i), _fault(lines.text(i))) for i in broken]
    return Found(
        found.rows(columns),
        faults,
        lambda row: lines.place(row if kept is None else int(kept[row])),
    )


class _Lines:
    """The lines of a text that are not blank, looked up where one of them is at fault."""

    def __init__(self, text: bytes, file: str, offset: int | None) -> None:
        self.all, self.file, self.offset = text, file, offset
        self._bounds: list[tuple[int, int]] | None = None

    @property
    def bounds(self) -> list[tuple[int, int]]:
        if self._bounds is None:
            found = re.finditer(rb"[^\r\n][^\n]*", self.all)
            self._bounds = [(match.start(), match.end()) for match in found]
        return self._bounds

    @property
    def count(self) -> int:
        return len(self.bounds)

    def text(self, line: int) -> bytes:
        start, end = self.bounds[line]
        return self.all[start:end].removesuffix(b"\r")

    def place(self, line: int) -> tuple[str, int | None, str]:
        raw = self.text(line).decode(errors="backslashreplace")
        at = None if self.offset is None else self.offset + self.bounds[line][0]
        return self.file, at, raw


def _fault(line: bytes) -> str:
    return str(text_fault(line) or Reason.FIELDS)


def _by_arrow(text: bytes, form: Form) -> tuple[pa.Table, list[int]] | None:
    """The rows and the numbers of broken lines; None where they have to be looked at singly."""
    last = text.rstrip(b"\r\n").rpartition(b"\n")[2]
    if text_fault(text) or fields(last.decode(), form.separator, form.quoted) is None:
        return None
    separator = form.separator
    if separator == _DOUBLE:
        if b"\t" in text:
            return None
        text, separator = text.replace(b"::", b"\t"), "\t"
    typed: dict[str, pa.DataType] = {"rating": pa.float64(), "time": pa.int64()}
    for kinds in (typed, {}):
        broken: list[int] = []
        try:
            table = _read(text, separator, form, kinds, broken)
        except pa.ArrowInvalid:
            continue
        # A line break in quotation marks makes one row of two lines.
        read = len(table) + len(broken)
        whole = read == text.count(b"\n") or read == _not_blank(text)
        return (table, broken) if whole else None
    return None


def _not_blank(text: bytes) -> int:
    """Lines, but single blank ones."""
    blank = text.count(b"\n\n") + text.count(b"\n\r\n") + text.startswith((b"\n", b"\r\n"))
    return text.count(b"\n") - blank


def _read(
    text: bytes, separator: str, form: Form, kinds: dict[str, pa.DataType], broken: list[int]
) -> pa.Table:
    def pass_over(row: Any) -> Literal["skip"]:
        broken.append(row.number - 1)
        return "skip"

    roles = {name: role for role, name in form.columns.of.items()}
    return csv.read_csv(
        # Its stub has no Arrow streams, which are read without a copy.
        pa.BufferReader(text),  # type: ignore[arg-type]
        csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=[*form.names]),
        csv.ParseOptions(
            delimiter=separator,
            quote_char='"' if form.quoted and form.separator != _DOUBLE else False,
            invalid_row_handler=pass_over,
        ),
        csv.ConvertOptions(
            column_types={name: kinds.get(role, pa.string()) for name, role in roles.items()},
            include_columns=[*roles],
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def _by_line(lines: _Lines, form: Form) -> tuple[pa.Table, list[int]]:
    rows, broken = [], []
    for number in range(lines.count):
        line = lines.text(number)
        row = None if text_fault(line) else fields(line.decode(), form.separator, form.quoted)
        if row is None or len(row) != len(form.names):
            broken.append(number)
        else:
            rows.append([value or None for value in row])
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(form.names)
    return pa.table([pa.array(c, pa.string()) for c in columns], [*form.names]), broken
