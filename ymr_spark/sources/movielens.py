"""MovieLens: its releases' layouts; and 100K out of a wheel of the package registry.

A release's README describes its files: u.data and u.item (100K), ratings.dat and movies.dat (1M,
10M), ratings.csv and movies.csv (20M and later). What a film is tagged with, and who the users are,
is not read.
"""

import csv
import hashlib
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError, EnvironmentProblem
from ymr_spark.sources.table import attributes, text_table
from ymr_spark.sources.table.columns import by_place
from ymr_spark.sources.table.raw_table import RawTable
from ymr_spark.sources.table.text_rows import Form
from ymr_spark.store import locations
from ymr_spark.store.locations import Location

PACKAGE = "recbole==1.2.1"
WHEEL = "recbole-1.2.1-py3-none-any.whl"
FOLDER = "recbole/dataset_example/ml-100k/"
SHA256 = {
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
}


_FILES = {"ratings.csv": "movies.csv", "ratings.dat": "movies.dat", "u.data": "u.item"}
_SEPARATORS = {"ratings.csv": ",", "ratings.dat": "::", "u.data": "\t"}
_NAMES = ("user", "item", "rating", "time")
_YEAR = re.compile(r"\((\d{4})\)\s*$")


@dataclass(frozen=True)
class Release:
    """The text of MovieLens' two tables, a header line each."""

    ratings: str  # user, item, rating, timestamp
    items: str  # item, title, year, names of genres


def find(path: Location) -> Location | None:
    """The ratings of a release in this folder or in its only one below."""
    for name in _FILES:
        found = inner(path, name)
        if found is not None and (found.parent / _FILES[name]).exists():
            return found
    return None


def inner(path: Location, name: str) -> Location | None:
    """A file in a folder, or in a folder of it, as archives have them."""
    found = locations.matching(path, name) + locations.matching(path, f"*/{name}")
    return min(found, key=str, default=None)


def opened(spark: SparkSession, path: Location) -> RawTable:
    """The release in this folder.

    A film's album is its year; its genre the first that is named.

    Raises:
        DataContractError: there is none, or a file of it cannot be read.
    """
    ratings = find(path)
    if ratings is None:
        wanted = ", ".join(f"{one} with {other}" for one, other in _FILES.items())
        raise DataContractError(f"{path}: no release of MovieLens: expected {wanted}")
    movies = ratings.parent / _FILES[ratings.name]
    separator = _SEPARATORS[ratings.name]
    form = Form(separator, _NAMES, by_place(_NAMES), quoted=separator == ",")
    files = text_table.of_layout([ratings], form, header=separator == ",")
    said = f"MovieLens, {ratings.name} and {movies.name}"
    table = text_table.table(spark, ratings.name, files, said)
    return replace(table, items=_items(movies))


def _items(movies: Location) -> pa.Table:
    if movies.name == "movies.csv":
        rows = [[*row[:2], row[2].split("|")] for row in attributes.records(movies)[1:]]
    elif movies.name == "movies.dat":
        split = [row[0].split("::") for row in attributes.lines(movies, "\n", _encoding(movies))]
        rows = [[number, title, genres.split("|")] for number, title, genres in split]
    else:
        names = [name for name, _ in attributes.lines(movies.parent / "u.genre", "|", "latin-1")]
        rows = [
            [row[0], row[1], [n for n, flag in zip(names, row[5:], strict=True) if flag == "1"]]
            for row in attributes.lines(movies, "|", "latin-1")
        ]
    ids, titles, genres = zip(*rows, strict=True)
    years = [m[1] if (m := _YEAR.search(title)) else None for title in titles]
    return attributes.table({"id": ids, "title": titles, "album": years, "genres": genres}, "|")


def _encoding(movies: Location) -> str:
    """10M is UTF-8, 1M Latin-1."""
    try:
        movies.read_bytes().decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def fetch(downloads: Path) -> Release:
    """Read MovieLens-100K out of the wheel in `downloads`, got by pip if it is not there.

    Raises:
        EnvironmentProblem: pip cannot get the wheel, or its files are not the expected ones.
    """
    wheel = downloads / WHEEL
    if not wheel.exists():
        _download(downloads)
    try:
        with zipfile.ZipFile(wheel) as opened:
            ratings, items = (_checked(wheel, opened, name) for name in SHA256)
    except (OSError, KeyError, zipfile.BadZipFile) as e:
        raise EnvironmentProblem(f"{wheel}: cannot be read ({e}); remove it and try again") from e
    return Release(ratings, items)


def convert(source: Release) -> dict[str, str]:
    """The text of ratings.csv and movies.csv, in the layout of MovieLens' later releases."""
    ratings = [
        [*ids, f"{float(stars):g}", f"{float(at):.0f}"]
        for *ids, stars, at in _fields(source.ratings, 4)
    ]
    movies = [
        [item, f"{title} ({year})" if year.isdigit() else title, "|".join(genres.split())]
        for item, title, year, genres in _fields(source.items, 4)
    ]
    return {
        "ratings.csv": _text([["userId", "movieId", "rating", "timestamp"], *ratings]),
        "movies.csv": _text([["movieId", "title", "genres"], *movies]),
    }


def rows(source: Release) -> npt.NDArray[np.int64]:
    """(ratings, 3): user and film, numbered from 0 in the order of their ids, and stars; by user
    and film."""
    read = [[int(float(field)) for field in fields[:3]] for fields in _fields(source.ratings, 4)]
    ratings = np.array(read, np.int64)
    films = np.array([int(fields[0]) for fields in _fields(source.items, 4)])
    user = np.unique(ratings[:, 0], return_inverse=True)[1]
    film = np.searchsorted(np.sort(films), ratings[:, 1])
    found: npt.NDArray[np.int64] = np.c_[user, film, ratings[:, 2]][np.lexsort((film, user))]
    return found


def _fields(text: str, expected: int) -> list[list[str]]:
    """The fields of each line after the header."""
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    for number, fields in enumerate(rows, start=2):
        if len(fields) != expected:
            raise DataContractError(
                f"MovieLens line {number}: expected {expected} fields separated by tabs, "
                f"found {fields}"
            )
    return rows


def _text(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _download(folder: Path) -> None:
    pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGE]
    done = subprocess.run([sys.executable, *pip], capture_output=True, text=True)
    if done.returncode or not (folder / WHEEL).exists():
        why = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise EnvironmentProblem(
            f"MovieLens-100K: pip could not download {PACKAGE} ({why}); on a machine with a "
            f"package index run `pip download --no-deps {PACKAGE}` and put {WHEEL} in {folder}"
        )


def _checked(wheel: Path, opened: zipfile.ZipFile, name: str) -> str:
    content = opened.read(FOLDER + name)
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise EnvironmentProblem(
            f"{wheel}: {name} is not the expected file (sha256); remove the wheel and try again"
        )
    return content.decode()
