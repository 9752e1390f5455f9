from pathlib import Path

import pytest

from ymr_spark import atomically


def test_no_partial_file_is_left(tmp_path: Path) -> None:
    atomically.write(tmp_path / "x" / "y.json", "{}")
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["y.json"]
    assert (tmp_path / "x" / "y.json").read_text() == "{}"


def test_a_folder_is_replaced_only_when_the_new_one_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(FileNotFoundError), atomically.replacing(folder) as new:
        (new / "no such folder" / "file").touch()
    assert [p.name for p in folder.iterdir()] == ["old"]
    with atomically.replacing(folder) as new:
        assert not any(new.iterdir())
        (new / "new").touch()
    assert [p.name for p in folder.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
