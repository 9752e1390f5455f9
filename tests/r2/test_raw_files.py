import os
import shutil
from pathlib import Path

import pytest
from raw_files import write

from ymr_spark.errors import DataContractError
from ymr_spark.r2 import files


def test_naming_styles_and_numbers(tmp_path: Path) -> None:
    for part, suffix, separator in [(10, "", "_"), (1, ".gz", "-"), (2, ".bz2", "_")]:
        write(tmp_path, b"0\t0\t1\n", b"0\t1\t1\n", part, suffix, separator)
    raw = files.find(tmp_path)
    assert [part.number for part in raw.parts] == [1, 2, 10]
    assert [(file.index, file.name) for file in raw.ratings][:3] == [
        (0, "train-1.txt.gz"),
        (1, "test-1.txt.gz"),
        (2, "train_2.txt.bz2"),
    ]
    for file in raw.ratings:
        with file.open() as opened:
            assert opened.read() in (b"0\t0\t1\n", b"0\t1\t1\n")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: shutil.rmtree(f), "no such folder"),
        (lambda f: (f / "train_0.txt").unlink(), "train_0.txt is missing"),
        (lambda f: (f / "test_0.txt").unlink(), "test_0.txt is missing"),
        (lambda f: [(f / f"{k}_0.txt").unlink() for k in ("train", "test")], "no train_N.txt"),
        (lambda f: (f / "song-attributes.txt").unlink(), "song-attributes.txt is missing"),
        (lambda f: (f / "genre-hierarchy.txt").unlink(), "genre-hierarchy.txt is missing"),
        (lambda f: (f / "test_0.txt").write_bytes(b""), "is empty"),
        (lambda f: shutil.copy(f / "train_0.txt", f / "train-0.txt"), "keep one"),
        (lambda f: [(f / "test_0.txt").unlink(), (f / "test_0.txt").mkdir()], "cannot be read"),
        (lambda f: (f / "test_0.txt").rename(f / "test_0.txt.gz"), "cannot be read"),
    ],
)
def test_what_is_missing_or_broken_is_named(tmp_path: Path, damage, words: str) -> None:
    folder = write(tmp_path / "raw", b"0\t0\t1\n", b"0\t1\t1\n")
    damage(folder)
    with pytest.raises(DataContractError, match=words) as raised:
        files.find(folder)
    assert str(folder) in str(raised.value)


def test_changes_are_noticed(tmp_path: Path) -> None:
    raw = files.find(write(tmp_path, b"0\t0\t1\n", b"0\t1\t1\n"))
    raw.check_unchanged()
    os.utime(tmp_path / "test_0.txt", ns=(1, 1))
    with pytest.raises(DataContractError, match=r"test_0\.txt: changed"):
        raw.check_unchanged()
