"""One raw file: opened plain or compressed, its changes noticed."""

import bz2
import codecs
import gzip
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

from ymr_spark.errors import DataContractError
from ymr_spark.store import locations
from ymr_spark.store.locations import Location

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
# What opening, reading or decompressing a damaged file raises.
READ_ERRORS = (OSError, EOFError, zlib.error)


@dataclass(frozen=True)
class RawFile:
    """A file as it was when it was found; `index` is its place in the file order."""

    path: Location
    index: int
    part: int
    size: int  # bytes on disk
    modified: int | str  # as `locations.Stamp`
    start: int  # offset of the first line: behind a byte order mark

    @property
    def name(self) -> str:
        """Without the folder."""
        return self.path.name

    @property
    def compressed(self) -> bool:
        """By its suffix, .gz or .bz2."""
        return self.path.suffix in (".gz", ".bz2")

    def open(self) -> IO[bytes]:
        """The decompressed bytes."""
        if self.path.suffix == ".gz":
            return cast(IO[bytes], gzip.open(self._source))
        if self.path.suffix == ".bz2":
            return cast(IO[bytes], bz2.open(self._source))
        return self.path.open("rb")

    @property
    def _source(self) -> Path | IO[bytes]:
        return self.path if isinstance(self.path, Path) else self.path.open()

    def check_unchanged(self) -> None:
        """Raise DataContractError where size or modification time are no longer the same."""
        try:
            now = locations.stamp(self.path)
        except OSError as e:
            raise unreadable(self.path, e) from e
        if now != (self.size, self.modified):
            raise DataContractError(
                f"{self.path}: changed while it was read; no table was touched, "
                "run again when the file is complete"
            )


def unreadable(path: Location, error: BaseException) -> DataContractError:
    """The error for what `READ_ERRORS` tell of a file."""
    why = getattr(error, "strerror", None) or error
    return DataContractError(f"{path}: cannot be read ({why}); replace the file with a whole one")


def described(path: Location, index: int, part: int) -> RawFile:
    """The file as it is now.

    Raises:
        DataContractError: it cannot be read, is empty, or is UTF-16 or UTF-32.
    """
    try:
        file = RawFile(path, index, part, *locations.stamp(path), start=0)
        with file.open() as opened:
            head = opened.read(4)
    except READ_ERRORS as e:
        raise unreadable(path, e) from e
    file = replace(file, start=_start(path, head))
    if len(head) == file.start:
        raise DataContractError(f"{path}: is empty; replace it or take its part away")
    return file


def _start(path: Location, head: bytes) -> int:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            raise DataContractError(
                f"{path}: is {encoding} by its byte order mark, expected UTF-8; convert it by "
                f"iconv -f {encoding} -t UTF-8"
            )
    return len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
