"""Stretches of a text file, read in pieces of whole lines."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from ymr_spark.errors import DataContractError
from ymr_spark.sources.raw_file import READ_ERRORS, RawFile, unreadable

BLOCK_BYTES = 4 * 2**20
LONGEST_LINE = 2**20

_CR_ALONE = re.compile(rb"\r(?!\n)")


@dataclass(frozen=True)
class Stretch:
    """Bytes start..end of a file's decompressed text; end None: all to the end."""

    file: RawFile
    start: int
    end: int | None


def texts(stretch: Stretch, block_bytes: int) -> Iterator[bytes]:
    """The stretch's text in pieces of whole lines; a last line without line feed gets one."""
    path = stretch.file.path
    try:
        with stretch.file.open() as opened:
            opened.seek(stretch.start)
            yield from _whole_lines(opened, stretch, block_bytes)
    except READ_ERRORS as e:
        raise unreadable(path, e) from e


def _whole_lines(opened: IO[bytes], stretch: Stretch, block_bytes: int) -> Iterator[bytes]:
    pending = b""
    for read in line_feeds(_reads(opened, stretch, block_bytes)):
        cut = read.rfind(b"\n") + 1
        if cut:
            yield pending + read[:cut]
            pending = read[cut:]
        else:
            pending += read
        if len(pending) > LONGEST_LINE:
            raise DataContractError(
                f"{stretch.file.path}: no line feed in {len(pending):,} bytes; this is no text "
                "of ratings, replace the file"
            )
    if pending:
        yield pending + b"\n"


def _reads(opened: IO[bytes], stretch: Stretch, block_bytes: int) -> Iterator[bytes]:
    left = None if stretch.end is None else stretch.end - stretch.start
    while read := opened.read(block_bytes if left is None else min(block_bytes, left)):
        left = None if left is None else left - len(read)
        yield read


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
