"""Finding R2's files in a folder, and noticing changes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self

from ymr_spark.errors import DataContractError
from ymr_spark.sources.r2 import names
from ymr_spark.sources.raw_file import RawFile, described, unreadable
from ymr_spark.store import locations
from ymr_spark.store.locations import Location


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

    @property
    def files(self) -> tuple[RawFile, ...]:
        """All of them."""
        return (*self.ratings, self.songs, self.genres)

    def after(self, part: int) -> Self:
        """The same with the later parts alone."""
        later = [p for p in self.parts if p.number > part]
        return replace(self, parts=tuple(_indexed(place, p) for place, p in enumerate(later)))

    def check_unchanged(self) -> None:
        """Raise DataContractError where any of the files changed since it was found."""
        for file in self.files:
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


def find(folder: Location) -> RawFolder:
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
    found: dict[tuple[str, int], Location] = {}
    for path in paths:
        if key := names.of_ratings(path.name):
            if key in found:
                raise DataContractError(f"{path}: also there as {found[key].name}; keep one")
            found[key] = path
    return RawFolder(
        _parts(folder, found),
        described(_attribute_file(folder, names.SONGS), -1, -1),
        described(_attribute_file(folder, names.GENRES), -2, -1),
    )


def of_interest(folder: Location) -> list[Location]:
    """What `find` takes or refuses in the folder, and the planted truth; other files are not."""
    wanted = (names.is_taken, names.is_stranger, names.is_truth)
    paths = _entries(folder) if folder.is_dir() else []
    return [path for path in paths if any(is_one(path.name) for is_one in wanted)]


def _entries(folder: Location) -> list[Location]:
    try:
        return locations.within(folder)
    except OSError as e:
        raise unreadable(folder, e) from e


def _parts(folder: Location, found: dict[tuple[str, int], Location]) -> tuple[Part, ...]:
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
            described(found["train", number], 2 * place, number),
            described(found["test", number], 2 * place + 1, number),
        )
        for place, number in enumerate(numbers)
    )


def _indexed(place: int, part: Part) -> Part:
    train, test = replace(part.train, index=2 * place), replace(part.test, index=2 * place + 1)
    return Part(part.number, train, test)


def _attribute_file(folder: Location, name: str) -> Location:
    paths = [folder / (name + suffix) for suffix in names.COMPRESSIONS]
    there = [path for path in paths if path.exists()]
    if len(there) != 1:
        what = "is missing; add it" if not there else "is there more than once; keep one"
        raise DataContractError(f"{folder}: {name} {what}")
    return there[0]
