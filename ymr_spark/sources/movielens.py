"""MovieLens-100K, as a wheel of the package registry carries it -> files of R2's layout."""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ymr_spark.errors import DataContractError, EnvironmentProblem
from ymr_spark.split import validation_rows

PACKAGE = "recbole==1.2.1"
WHEEL = "recbole-1.2.1-py3-none-any.whl"
FOLDER = "recbole/dataset_example/ml-100k/"
SHA256 = {
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
}


@dataclass(frozen=True)
class Release:
    """The text of MovieLens' two tables, a header line each."""

    ratings: str  # user, item, rating, timestamp
    items: str  # item, title, year, names of genres


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


def convert(source: Release, held_out: int, seed: int) -> dict[str, str]:
    """The text of R2's four files by name.

    Users and items are numbered from 0 in ascending order of their ids; timestamps are left
    out. `held_out` ratings a user, by seeded hash, make test_0 (never more than half of
    them). A film's song row has its year as album (0 where unknown) and 0 as artist; its
    genre is the first that MovieLens names for it, all of them top genres, and genre 0 is
    Unknown.
    """
    ratings = np.array(
        [[int(field) for field in fields[:3]] for fields in _fields(source.ratings, 4)], np.int64
    )
    items = sorted(_fields(source.items, 4), key=lambda fields: int(fields[0]))
    user = np.unique(ratings[:, 0], return_inverse=True)[1]
    numbers = {int(fields[0]): number for number, fields in enumerate(items)}
    song = np.array([numbers[item] for item in ratings[:, 1].tolist()])
    order = np.lexsort((song, user))
    rows = np.c_[user, song, ratings[:, 2]][order]
    test = validation_rows(rows[:, 0], rows[:, 1], held_out, 0.5, seed)
    genres = _genres(fields[3] for fields in items)
    return {
        "train_0.txt": _text(rows[~test].tolist()),
        "test_0.txt": _text(rows[test].tolist()),
        "song-attributes.txt": _text(
            [number, int(year) if year.isdigit() else 0, 0, genres.get(names.split()[0], 0)]
            for number, (_, _, year, names) in enumerate(items)
        ),
        "genre-hierarchy.txt": _text(
            [[0, 0, 1, "Unknown"], *([number, number, 1, name] for name, number in genres.items())]
        ),
    }


def _genres(named: Iterable[str]) -> dict[str, int]:
    """Numbers from 1 for the names in these lists of names, in ascending order."""
    names = {name for names in named for name in names.split()} - {"unknown"}
    return {name: number for number, name in enumerate(sorted(names), start=1)}


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


def _text(rows: Iterable[Iterable[object]]) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


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
