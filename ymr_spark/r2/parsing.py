"""Bytes -> ratings and quarantined lines; docs/ingest.md states the rules."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

# Ids index dense arrays in every model: nine times R2's largest is a typing error.
MAX_ID = 2**24 - 1

Ints = npt.NDArray[np.integer[Any]]


class Reason(StrEnum):
    """Why a line is in quarantine, in order of precedence."""

    NUL_BYTE = "nul_byte"
    BAD_UTF8 = "bad_utf8"
    FIELDS = "wrong_number_of_fields"
    NOT_AN_INTEGER = "not_an_integer"
    ID_RANGE = "id_out_of_range"
    RATING = "rating_not_1_to_5"
    UNKNOWN_SONG = "unknown_song"
    DUPLICATE = "duplicate"
    TRAIN_AND_TEST = "in_train_and_test"


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
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
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
        return self.data[self.starts[0] : self.starts[-1]]

    def line(self, i: int) -> bytes:
        """Line i without its line feed."""
        return self.data[self.starts[i] : self.starts[i + 1] - 1]


@dataclass(frozen=True)
class Rows:
    """Ratings, and the line that each comes from."""

    user: Ints
    song: Ints
    rating: Ints
    line: Ints

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, which: slice | npt.NDArray[Any]) -> "Rows":
        return Rows(self.user[which], self.song[which], self.rating[which], self.line[which])

    def key(self) -> npt.NDArray[np.int64]:
        """One number a (user, song), in the order of users, then songs."""
        return self.user.astype(np.int64) << 32 | self.song


@dataclass(frozen=True)
class Parsed:
    """Lines, the ratings among them in the same order, and the reasons of the others."""

    lines: Lines
    rows: Rows
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
                Rows(after.user, after.song, after.rating, after.line - line),
                tuple((at - line, reason) for at, reason in self.faults if at >= line),
            ),
        )


def parse(lines: Lines) -> Parsed:
    """Judge each line of ratings by itself."""
    numbers = np.arange(len(lines), dtype=np.int32)
    columns = _columns(lines.text(), len(lines))
    if columns is not None:
        return Parsed(lines, Rows(*columns, numbers), ())
    faults = tuple(_faults(lines))
    good = np.ones(len(lines), bool)
    good[[at for at, _ in faults]] = False
    columns = _columns(_without(lines, [at for at, _ in faults]), int(good.sum()))
    if columns is None:
        raise AssertionError("lines without a fault must parse")
    return Parsed(lines, Rows(*columns, numbers[good]), faults)


def fault(line: bytes, fields: int, rated: bool) -> Reason | None:
    """Why a line of `fields` ids, the last one a rating if `rated`, is wrong by itself."""
    if reason := text_fault(line):
        return reason
    values = line.removesuffix(b"\r").split(b"\t")
    if len(values) != fields:
        return Reason.FIELDS
    ids, rating = (values[:-1], values[-1]) if rated else (values, b"1")
    no_rating = rating == b"" or rating.lower() == b"nan"
    if not all(_INTEGER.fullmatch(value) for value in (ids if no_rating else [*ids, rating])):
        return Reason.NOT_AN_INTEGER
    if not all(_within(value, 0, MAX_ID) for value in ids):
        return Reason.ID_RANGE
    return Reason.RATING if no_rating or not _within(rating, 1, 5) else None


def line_feeds(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The stretches of a text with every line ended by a line feed: a CR alone becomes one.

    CR LF stays, and each byte stays where it was.
    """
    held = b""
    for text in texts:
        text = held + text
        held = b"\r" if text.endswith(b"\r") else b""  # LF may come next
        text = text.removesuffix(b"\r")
        if b"\r" in text and text.count(b"\r") > text.count(b"\r\n"):
            text = _CR_ALONE.sub(b"\n", text)
        yield text
    if held:
        yield b"\n"


def text_fault(line: bytes) -> Reason | None:
    """Why a line is no text."""
    if b"\0" in line:
        return Reason.NUL_BYTE
    try:
        line.decode()
    except UnicodeDecodeError:
        return Reason.BAD_UTF8
    return None


_CR_ALONE = re.compile(rb"\r(?!\n)")
_INTEGER = re.compile(rb"-?[0-9]+")
_IRREGULAR = re.compile(rb"^(?![0-9]{1,7}\t[0-9]{1,7}\t[1-5]\r?$).*$", re.MULTILINE)
_REGULAR_BYTES = b"0123456789\t\n"
_PARSE = csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False)
_TYPES = {"user": pa.int32(), "song": pa.int32(), "rating": pa.int8()}
_CONVERT = csv.ConvertOptions(column_types=_TYPES, null_values=[])


def _within(integer: bytes, low: int, high: int) -> bool:
    digits = integer.lstrip(b"0") or b"0"
    return len(digits) < 10 and b"-" not in integer and low <= int(digits) <= high


def _columns(text: bytes, lines: int) -> tuple[Ints, Ints, Ints] | None:
    """User, song and rating where every line is without fault, else None."""
    if lines == 0:
        return np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int8)
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if text.translate(None, _REGULAR_BYTES):
        return None
    read = csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=list(_TYPES))
    try:
        table = csv.read_csv(pa.BufferReader(text), read, _PARSE, _CONVERT)
    except pa.ArrowInvalid:
        return None
    user, song, rating = (column.to_numpy() for column in table.columns)
    sound = max(user.max(), song.max()) <= MAX_ID and rating.min() >= 1 and rating.max() <= 5
    return (user, song, rating) if sound and len(user) == lines else None


def _faults(lines: Lines) -> Iterable[tuple[int, Reason]]:
    text = lines.text()
    for match in _IRREGULAR.finditer(text, 0, len(text) - 1):
        reason = fault(match.group(), fields=len(_TYPES), rated=True)
        if reason:
            yield int(np.searchsorted(lines.starts, lines.starts[0] + match.start())), reason


def _without(lines: Lines, bad: list[int]) -> bytes:
    """The text of all lines but the `bad` ones, which ascend."""
    begins = [0, *(at + 1 for at in bad)]
    ends = [*bad, len(lines)]
    starts = lines.starts
    return b"".join(lines.data[starts[i] : starts[j]] for i, j in zip(begins, ends, strict=True))
