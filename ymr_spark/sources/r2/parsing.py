"""Bytes -> ratings and quarantined lines; docs/ingest.md states the rules."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from ymr_spark.scale import Scale
from ymr_spark.sources.reasons import Reason, text_fault

# Ids index dense arrays in every model: nine times R2's largest is a typing error.
MAX_ID = 2**24 - 1

Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Lines:
    """Lines of text, each ended by a line feed, and where each comes from."""

    data: bytes
    starts: Ints  # (lines + 1,) into data
    file: Ints  # (lines,) index of the file
    offset: Ints  # (lines,) of the first byte in the decompressed file

    @classmethod
    def of_block(cls, data: bytes, file: int, offset: int) -> "Lines":
        """All lines of one stretch of a file that begins at `offset`."""
        ends = np.flatnonzero(np.asarray(memoryview(data)) == ord("\n")) + 1
        starts = np.concatenate([[0], ends])
        return cls(data, starts, np.broadcast_to(file, len(ends)), starts[:-1] + offset)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, part: slice) -> "Lines":
        first, end, _ = part.indices(len(self))
        return Lines(
            self.data, self.starts[first : end + 1], self.file[first:end], self.offset[first:end]
        )

    def text(self) -> bytes:
        """All lines, a line feed after each."""
        return self.data[self.starts[0] : self.starts[-1]]

    def line(self, i: int) -> bytes:
        """Line i without its line feed."""
        return self.data[self.starts[i] : self.starts[i + 1] - 1]


@dataclass(frozen=True)
class ParsedRows:
    """Ratings, and the line that each comes from."""

    user: Ints
    song: Ints
    rating: npt.NDArray[np.float32]  # stars
    line: Ints

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, which: slice | npt.NDArray[Any]) -> "ParsedRows":
        return ParsedRows(self.user[which], self.song[which], self.rating[which], self.line[which])

    def key(self) -> npt.NDArray[np.int64]:
        """One number a (user, song), in the order of users, then songs."""
        return self.user.astype(np.int64) << 32 | self.song


@dataclass(frozen=True)
class Parsed:
    """Lines, the ratings among them in the same order, and the reasons of the others."""

    lines: Lines
    rows: ParsedRows
    faults: tuple[tuple[int, Reason], ...]

    def cut(self, line: int) -> tuple["Parsed", "Parsed"]:
        """The lines before `line`, and those from it on."""
        row = int(np.searchsorted(self.rows.line, line))
        after = self.rows[row:]
        return (
            Parsed(
                self.lines[:line], self.rows[:row], tuple(f for f in self.faults if f[0] < line)
            ),
            Parsed(
                self.lines[line:],
                ParsedRows(after.user, after.song, after.rating, after.line - line),
                tuple((at - line, reason) for at, reason in self.faults if at >= line),
            ),
        )


def parse(lines: Lines, scale: Scale) -> Parsed:
    """Judge each line of ratings by itself."""
    numbers = np.arange(len(lines), dtype=np.int32)
    columns = _columns(lines.text(), len(lines), scale)
    if columns is not None:
        return Parsed(lines, ParsedRows(*columns, numbers), ())
    faults = tuple(_faults(lines, scale))
    good = np.ones(len(lines), bool)
    good[[at for at, _ in faults]] = False
    columns = _columns(_without(lines, [at for at, _ in faults]), int(good.sum()), scale)
    if columns is None:
        raise AssertionError("lines without a fault must parse")
    return Parsed(lines, ParsedRows(*columns, numbers[good]), faults)


def fault(line: bytes, fields: int, scale: Scale | None = None) -> Reason | None:
    """Why a line of `fields` ids, the last one a rating if there is a scale, is wrong by itself."""
    if reason := text_fault(line):
        return reason
    values = line.removesuffix(b"\r").split(b"\t")
    if len(values) != fields:
        return Reason.FIELDS
    ids = values if scale is None else values[:-1]
    if not all(_INTEGER.fullmatch(value) for value in ids):
        return Reason.NOT_AN_INTEGER
    if not all(_is_id(value) for value in ids):
        return Reason.ID_RANGE
    return None if scale is None else _rating_fault(values[-1], scale)


def _rating_fault(rating: bytes, scale: Scale) -> Reason | None:
    if not _DECIMAL.fullmatch(rating):
        return Reason.NOT_A_NUMBER
    return None if _all_on(scale, np.array([float(rating)])) else Reason.OFF_SCALE


_INTEGER = re.compile(rb"-?[0-9]+")
_DECIMAL = re.compile(rb"-?([0-9]+\.?[0-9]*|\.[0-9]+)")
_WHOLE_BYTES = b"0123456789\t\n"
_PARSE = csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False)
_COLUMNS = ("user", "song", "rating")


@cache
def _irregular(scale: Scale) -> re.Pattern[bytes]:
    """What finds the lines that are not of the form that nearly all have."""
    texts = (f"{stars:.6f}".rstrip("0").rstrip(".") for stars in scale.values)
    written = "|".join(re.escape(t) + ("" if "." in t else r"(?:\.0)?") for t in texts)
    regular = rf"[0-9]{{1,7}}\t[0-9]{{1,7}}\t(?:{written})\r?$"
    return re.compile(rf"^(?!{regular}).*$".encode(), re.MULTILINE)


def _is_id(integer: bytes) -> bool:
    digits = integer.lstrip(b"0") or b"0"
    return len(digits) < 10 and b"-" not in integer and int(digits) <= MAX_ID


def _columns(
    text: bytes, lines: int, scale: Scale
) -> tuple[Ints, Ints, npt.NDArray[np.float32]] | None:
    """User, song and rating where every line is without fault, else None."""
    if lines == 0:
        return np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    points = text.translate(None, _WHOLE_BYTES)
    if points.strip(b"."):
        return None
    # Whole numbers are parsed several times as fast as decimal ones.
    kinds = (pa.int32(), pa.int32(), pa.float64() if points else pa.int32())
    convert = csv.ConvertOptions(
        column_types=dict(zip(_COLUMNS, kinds, strict=True)), null_values=[]
    )
    read = csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=[*_COLUMNS])
    try:
        # Its stub has no Arrow streams, which are read without a copy.
        table = csv.read_csv(pa.BufferReader(text), read, _PARSE, convert)  # type: ignore[arg-type]
    except pa.ArrowInvalid:
        return None
    user, song, rating = (column.to_numpy() for column in table.columns)
    if len(user) != lines or max(user.max(), song.max()) > MAX_ID or not _all_on(scale, rating):
        return None
    return user, song, rating.astype(np.float32)


def _all_on(scale: Scale, ratings: npt.NDArray[Any]) -> bool:
    whole = ratings.dtype.kind == "i" and scale.step == 1 and scale.lowest % 1 == 0
    if whole:
        return bool(ratings.min() >= scale.lowest and ratings.max() <= scale.highest)
    return bool(scale.holds(ratings).all())


def _faults(lines: Lines, scale: Scale) -> Iterable[tuple[int, Reason]]:
    text = lines.text()
    for match in _irregular(scale).finditer(text, 0, len(text) - 1):
        reason = fault(match.group(), fields=len(_COLUMNS), scale=scale)
        if reason:
            yield int(np.searchsorted(lines.starts, lines.starts[0] + match.start())), reason


def _without(lines: Lines, bad: list[int]) -> bytes:
    """The text of all lines but the `bad` ones, which ascend."""
    begins = [0, *(at + 1 for at in bad)]
    ends = [*bad, len(lines)]
    starts = lines.starts
    return b"".join(lines.data[starts[i] : starts[j]] for i, j in zip(begins, ends, strict=True))
