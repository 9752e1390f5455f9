import codecs
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from raw_files import write

from ymr_spark.errors import DataContractError
from ymr_spark.sources.r2 import files, names


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
    assert [file.part for file in raw.ratings] == [1, 1, 2, 2, 10, 10]
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
def test_what_is_missing_or_broken_is_named(
    tmp_path: Path, damage: Callable[[Path], object], words: str
) -> None:
    folder = write(tmp_path / "raw", b"0\t0\t1\n", b"0\t1\t1\n")
    damage(folder)
    with pytest.raises(DataContractError, match=words) as raised:
        files.find(folder)
    assert str(folder) in str(raised.value)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "train_1.txt.xz",
            "test_1.txt.zst",
            "train_1.zip",
            "TRAIN_1.TXT",
            "train_1",
            "train1.csv",
        ),
        *(
            "train_1.txt (copy)",
            "Copy of test_1.txt",
            "train_0.txt.part",
            ".train_1.txt.Xa3",
            "test 1",
        ),
        *("train-part-00001", "trainIdx1.txt", "1_train.txt", "train.txt", "train_0.txt.gz.bz2"),
        *("train_0123456789.txt", "train_\u0661.txt", "train_1\n.txt", "training_set_1.tsv"),
        *("song-attributes.txt.zip", "Song_Attributes.txt", "genre-hierarchy.txt~"),
    ],
)
def test_what_looks_like_a_part_is_not_left_out_silently(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, b"0\t0\t1\n", b"0\t1\t1\n")
    (folder / name).mkdir() if name == "train_1" else (folder / name).touch()
    with pytest.raises(DataContractError) as raised:
        files.find(folder)
    assert f"{name} would be left out" in str(raised.value)


def test_a_packed_part_is_named_before_it_is_missed(tmp_path: Path) -> None:
    folder = write(tmp_path, b"0\t0\t1\n", b"0\t1\t1\n")
    for kind in ("train", "test"):
        (folder / f"{kind}_0.txt").rename(folder / f"{kind}_0.txt.xz")
    with pytest.raises(DataContractError, match=r"test_0\.txt\.xz, train_0\.txt\.xz would be"):
        files.find(folder)


FOREIGN: tuple[str, ...] = (
    ".DS_Store",
    "README.txt",
    "truth.json",
    "truth_0.parquet",
    "train_0.txt.sha256",
)
FOREIGN += ("._train_0.txt", ".train_0.txt.crc", "latest_1.txt", "test-results.md", "contest1.txt")


def test_other_files_are_let_be(tmp_path: Path) -> None:
    folder = write(tmp_path, b"0\t0\t1\n", b"0\t1\t1\n")
    for name in FOREIGN:
        (folder / name).touch()
    (folder / "warehouse" / "train_1.txt").mkdir(parents=True)
    assert [file.name for file in files.find(folder).ratings] == ["train_0.txt", "test_0.txt"]
    assert [path.name for path in files.of_interest(folder)] == [
        *("genre-hierarchy.txt", "song-attributes.txt", "test_0.txt"),
        *("train_0.txt", "truth.json", "truth_0.parquet"),
    ]


@pytest.mark.parametrize("name", ["train_0.txt", "test_0.txt", names.SONGS, names.GENRES])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be"])
def test_another_encoding_is_told_by_its_byte_order_mark(
    tmp_path: Path, name: str, encoding: str
) -> None:
    path = write(tmp_path, b"0\t0\t1\n", b"0\t1\t1\n") / name
    path.write_bytes(("\ufeff" * encoding.endswith("be") + path.read_text()).encode(encoding))
    with pytest.raises(DataContractError, match=rf"{name}: is {encoding[:6].upper()} .*UTF-8"):
        files.find(tmp_path)


def test_nothing_but_a_byte_order_mark_is_empty(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match="is empty"):
        files.find(write(tmp_path, codecs.BOM_UTF8, b"0\t1\t1\n"))


def test_changes_are_noticed(tmp_path: Path) -> None:
    raw = files.find(write(tmp_path, b"0\t0\t1\n", b"0\t1\t1\n"))
    raw.check_unchanged()
    os.utime(tmp_path / "test_0.txt", ns=(1, 1))
    with pytest.raises(DataContractError, match=r"test_0\.txt: changed"):
        raw.check_unchanged()
