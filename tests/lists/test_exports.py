"""Lists as files, by the own ids of users and songs."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from builders import table
from pyspark.sql import DataFrame, SparkSession

from ymr_spark.lists import exports

OTHERS = ("score", "reason", "model", "train_hash")
LISTS = [
    (user, rank, song, 4.5, 'by "m", best', "m", "f")
    for user in (10, 2)
    for rank, song in ((2, 0), (1, 1))
]
USERS = [(2, " Ann\tLee "), (10, '=1+"1"'), (11, "nobody")]
SONGS = [(0, "s,0", 'First "x"', "A", "B"), (1, "s1", None, None, None)]


def named(spark: SparkSession, users: list[Any], songs: list[Any]) -> DataFrame:
    frames = zip(("recommendations", "user_ids", "song_ids"), (LISTS, users, songs), strict=True)
    return exports.named(*(table(spark, name, rows) for name, rows in frames))


def written(rows: DataFrame, folder: Path, form: str) -> list[dict[str, Any]]:
    """The rows of all files, in their order."""
    exports.write(rows, folder, form)
    found: list[dict[str, Any]] = []
    for file in sorted(folder.glob("part-*")):
        with file.open(newline="") as lines:
            found += csv.DictReader(lines) if form == "csv" else map(json.loads, lines)
    return found


def test_csv_of_own_ids(spark: SparkSession, tmp_path: Path) -> None:
    rows = written(named(spark, USERS, SONGS), tmp_path / "csv", "csv")
    assert [*rows[0]] == ["user", "rank", "song", "title", "artist", *OTHERS]
    assert [tuple(row.values())[:5] for row in rows] == [
        (" Ann\tLee ", "1", "s1", "", ""),
        (" Ann\tLee ", "2", "s,0", 'First "x"', "A"),
        ('=1+"1"', "1", "s1", "", ""),
        ('=1+"1"', "2", "s,0", 'First "x"', "A"),
    ]
    assert {tuple(row[name] for name in OTHERS) for row in rows} == {
        ("4.5", 'by "m", best', "m", "f")
    }


@pytest.mark.parametrize(
    ("users", "songs", "first"),
    [
        (USERS, [], {"user": " Ann\tLee ", "rank": 2, "song": "0"}),
        ([], SONGS, {"user": "2", "rank": 2, "song": "s,0", "title": 'First "x"', "artist": "A"}),
    ],
)
def test_lines_of_json_where_one_side_has_own_ids(
    spark: SparkSession, tmp_path: Path, users: list[Any], songs: list[Any], first: dict[str, Any]
) -> None:
    rows = written(named(spark, users, songs), tmp_path / "jsonl", "jsonl")
    assert {key: rows[1][key] for key in rows[1] if key not in OTHERS} == first
