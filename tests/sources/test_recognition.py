"""What a path is taken for, and archives."""

import tarfile
import zipfile
from pathlib import Path

import layouts
import pytest
from raw_files import ratings, write

from ymr_spark.errors import DataContractError
from ymr_spark.sources import archives, files_of, recognition


def test_r2s_files_are_the_folder_of_old(tmp_path: Path) -> None:
    train, test = ratings(2, 12, seed=1)
    folder = write(tmp_path / "r2", b"".join(train), b"".join(test))
    (folder / "notes.md").write_text("mine")
    assert recognition.recognized(folder) == "folder"
    assert {path.name for path in files_of(folder)} == {
        *("train_0.txt", "test_0.txt", "song-attributes.txt", "genre-hierarchy.txt")
    }


@pytest.mark.parametrize("name", ["ratings.csv", "a/b.parquet", "a/_delta_log/0.json"])
def test_anything_else_is_a_table(name: str, tmp_path: Path) -> None:
    layouts.written(tmp_path, {name: "user,item,rating\n"})
    assert recognition.recognized(tmp_path) == "table"
    assert recognition.recognized(tmp_path / name) == "table"
    assert files_of(tmp_path) == [tmp_path / name] == files_of(tmp_path / name)


def _zip(path: Path, text: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ml/ratings.csv", text)


def _tar(path: Path, text: bytes) -> None:
    path.parent.joinpath("ratings.csv").write_bytes(text)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(path.parent / "ratings.csv", "ml/ratings.csv")


TEXT = b"".join(b"%d,%d,3\n" % (i, i * i) for i in range(5000))


@pytest.mark.parametrize(("name", "pack"), [("ml.zip", _zip), ("ml.tar.gz", _tar), ("M.TGZ", _tar)])
def test_an_archive_is_unpacked_while_it_is_read(name: str, pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    pack(tmp_path / name, TEXT)
    with archives.unpacked(tmp_path / name, tmp_path / "scratch") as folder:
        assert (folder / "ml/ratings.csv").read_bytes() == TEXT
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize(("name", "pack"), [("ml.zip", _zip), ("ml.tar.gz", _tar)])
@pytest.mark.parametrize("part", [0.5, 0.98])
def test_a_cut_archive(name: str, pack: object, part: float, tmp_path: Path) -> None:
    assert callable(pack)
    path = tmp_path / name
    pack(path, TEXT)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with (
        pytest.raises(DataContractError, match=f"{name}: cannot be unpacked .*get it again"),
        archives.unpacked(path, tmp_path / "scratch"),
    ):
        pass
    assert not (tmp_path / "scratch").exists()


def test_a_zip_whose_bytes_are_wrong(tmp_path: Path) -> None:
    _zip(tmp_path / "ml.zip", TEXT)
    whole = bytearray((tmp_path / "ml.zip").read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    (tmp_path / "ml.zip").write_bytes(whole)
    with (
        pytest.raises(DataContractError, match="damaged"),
        archives.unpacked(tmp_path / "ml.zip", tmp_path / "scratch"),
    ):
        pass


def test_a_file_is_itself(tmp_path: Path) -> None:
    with archives.unpacked(tmp_path / "a.csv", tmp_path / "scratch") as path:
        assert path == tmp_path / "a.csv"
