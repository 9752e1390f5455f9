"""Yahoo! Music R1 and R3, as the readme files of their releases describe them.

R1: `ydata-ymusic-user-artist-ratings-v1_0.txt` has user, artist and a rating from 0 to 100, or 255
for "never play again", between tabs; `ydata-ymusic-artist-names-v1_0.txt` artist and name. R3:
`ydata-ymusic-rating-study-v1_0-train.txt` and `-test.txt` have user, song and a rating from 1 to 5
between tabs; test is of songs that were chosen at random.
"""

from dataclasses import replace

from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError
from ymr_spark.scale import Scale
from ymr_spark.sources.movielens import inner
from ymr_spark.sources.table import attributes, text_table
from ymr_spark.sources.table.columns import by_place
from ymr_spark.sources.table.raw_table import RawTable
from ymr_spark.sources.table.text_rows import Form
from ymr_spark.store.locations import Location

_R1 = "ydata-ymusic-user-artist-ratings-v1_0.txt"
_R1_NAMES = "ydata-ymusic-artist-names-v1_0.txt"
_R3 = ("ydata-ymusic-rating-study-v1_0-train.txt", "ydata-ymusic-rating-study-v1_0-test.txt")
_NAMES = ("user", "item", "rating")
_NEVER_AGAIN = 255


def find_r1(path: Location) -> Location | None:
    """The ratings of R1 in this folder, plain or compressed."""
    return _inner(path, _R1)


def opened_r1(spark: SparkSession, path: Location) -> RawTable:
    """R1, whose items are artists; "never play again" is the rating 0.

    Raises:
        DataContractError: it is not there or cannot be read.
    """
    ratings = find_r1(path)
    if ratings is None:
        raise DataContractError(f"{path}: no {_R1} in it, which Yahoo! Music R1 has")
    form = Form("\t", _NAMES, by_place(_NAMES), quoted=False, lowest=_NEVER_AGAIN)
    table = text_table.table(
        spark, ratings.name, text_table.of_layout([ratings], form), "Yahoo! Music R1"
    )
    names = _inner(path, _R1_NAMES)
    items = None
    if names is not None:
        rows = [row for row in attributes.lines(names, "\t", "cp1252", 1) if len(row) > 1]
        ids, artists = zip(*rows, strict=True)
        items = attributes.table({"id": ids, "title": artists}, "|")
    return replace(table, items=items, scale=Scale(0, 100, 1))


def find_r3(path: Location) -> list[Location]:
    """Train and test of R3 in this folder; empty where one of them is not there."""
    found = [file for name in _R3 if (file := _inner(path, name))]
    return found if len(found) == len(_R3) else []


def opened_r3(spark: SparkSession, path: Location) -> RawTable:
    """R3, whose test rows are given.

    Raises:
        DataContractError: it is not there or cannot be read.
    """
    files = find_r3(path)
    if not files:
        raise DataContractError(f"{path}: expected {' and '.join(_R3)}, which Yahoo! Music R3 has")
    test = frozenset({files[1].name})
    form = Form("\t", _NAMES, by_place(_NAMES), quoted=False, test_files=test)
    text = text_table.of_layout(files, form)
    table = text_table.table(spark, path.name, text, "Yahoo! Music R3")
    return replace(table, scale=Scale(1, 5, 1))


def _inner(path: Location, name: str) -> Location | None:
    return next((f for suffix in ("", ".gz", ".bz2") if (f := inner(path, name + suffix))), None)
