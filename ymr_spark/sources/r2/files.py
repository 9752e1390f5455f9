"""Finding R2's files in a folder, opening them plain or compressed, noticing changes."""

import bz2
import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

from ymr_spark.errors import DataContractError
from ymr_spark.sources.r2 import names

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

    path: Path
    index: int
    part: int
    size: int  # bytes on disk
    modified: int  # nanoseconds
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
            return cast(IO[bytes], gzip.open(self.path))
        if self.path.suffix == ".bz2":
            return cast(IO[bytes], bz2.open(self.path))
        return self.path.open("rb")

    def check_unchanged(self) -> None:
        """Raise DataContractError where size or modification time are no longer the same."""
        try:
            now = self.path.stat()
        except OSError as e:
            raise unreadable(self.path, e) from e
        if (now.st_size, now.st_mtime_ns) != (self.size, self.modified):
            raise DataContractError(
                f"{self.path}: changed while it was read; no table was touched, "
                "run again when the file is complete"
            )


@dataclass(frozen=True)
class Part:
    """train_N and test_N."""

    number: int
    train: RawFile
    test: RawFile


@dataclass(frozen=True)
class RawFolder:
    """The parts and the attribute files of one data set."""

    parts: tuple[Part, ...]  # by number
    songs: RawFile
    genres: RawFile

    @property
    def ratings(self) -> tuple[RawFile, ...]:
        """The files of ratings by index: file order, in which the first of duplicates stays."""
        return tuple(file for part in self.parts for file in (part.train, part.test))

    def check_unchanged(self) -> None:
        """Raise DataContractError where any of the files changed since it was found."""
        for file in (*self.ratings, self.songs, self.genres):
            file.check_unchanged()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Turn the failure of a Spark job over the files into what was wrong with them."""
        try:
            yield
        except Exception as e:
            self.check_unchanged()
            told = re.search(r"DataContractError: (.+)", str(e))
            if told is None:
                raise
            raise DataContractError(told[1]) from None


def find(folder: Path) -> RawFolder:
    """R2's files in `folder`: train_N.txt or train-N.txt with test_N, plain, .gz or .bz2.

    Raises:
        DataContractError: a file is missing, there twice, empty or unreadable, or looks like
            one of R2's and cannot be taken.
    """
    if not folder.is_dir():
        raise DataContractError(f"{folder}: no such folder; give it by --set raw.folder=DIR")
    paths = _entries(folder)
    if strangers := [path.name for path in paths if names.is_stranger(path.name)]:
        raise DataContractError(
            f"{folder}: {', '.join(strangers)} would be left out; expected {names.EXPECTED}: "
            "unpack or rename what is data, and move the rest out of the folder"
        )
    found: dict[tuple[str, int], Path] = {}
    for path in paths:
        if key := names.of_ratings(path.name):
            if key in found:
                raise DataContractError(f"{path}: also there as {found[key].name}; keep one")
            found[key] = path
    return RawFolder(
        _parts(folder, found),
        _described(_attribute_file(folder, names.SONGS), -1, -1),
        _described(_attribute_file(folder, names.GENRES), -2, -1),
    )


def of_interest(folder: Path) -> list[Path]:
    """What `find` takes or refuses in the folder, and the planted truth; other files are not."""
    wanted = (names.is_taken, names.is_stranger, names.is_truth)
    paths = _entries(folder) if folder.is_dir() else []
    return [path for path in paths if any(is_one(path.name) for is_one in wanted)]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as e:
        raise unreadable(folder, e) from e


def unreadable(path: Path, error: BaseException) -> DataContractError:
    """The error for what `READ_ERRORS` tell of a file."""
    why = getattr(error, "strerror", None) or error
    return DataContractError(f"{path}: cannot be read ({why}); replace the file with a whole one")


def _parts(folder: Path, found: dict[tuple[str, int], Path]) -> tuple[Part, ...]:
    numbers = sorted({number for _, number in found})
    if not numbers:
        raise DataContractError(f"{folder}: no train_N.txt (or train-N.txt, .gz, .bz2) in it")
    for number in numbers:
        for kind in ("train", "test"):
            if (kind, number) not in found:
                raise DataContractError(f"{folder}: {kind}_{number}.txt is missing; add it")
    return tuple(
        Part(
            number,
            _described(found["train", number], 2 * place, number),
            _described(found["test", number], 2 * place + 1, number),
        )
        for place, number in enumerate(numbers)
    )


def _attribute_file(folder: Path, name: str) -> Path:
    paths = [folder / (name + suffix) for suffix in names.COMPRESSIONS]
    there = [path for path in paths if path.exists()]
    if len(there) != 1:
        what = "is missing; add it" if not there else "is there more than once; keep one"
        raise DataContractError(f"{folder}: {name} {what}")
    return there[0]


def _described(path: Path, index: int, part: int) -> RawFile:
    try:
        stat = path.stat()
        file = RawFile(path, index, part, stat.st_size, stat.st_mtime_ns, start=0)
        with file.open() as opened:
            head = opened.read(4)
    except READ_ERRORS as e:
        raise unreadable(path, e) from e
    file = replace(file, start=_start(path, head))
    if len(head) == file.start:
        raise DataContractError(f"{path}: is empty; replace it or take its part away")
    return file


def _start(path: Path, head: bytes) -> int:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            raise DataContractError(
                f"{path}: is {encoding} by its byte order mark, expected UTF-8; convert it by "
                f"iconv -f {encoding} -t UTF-8"
            )
    return len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
