from pathlib import Path

import pytest

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.pipeline import checkpoints
from ymr_spark.store import atomically


def test_no_partial_file_is_left(tmp_path: Path) -> None:
    atomically.write(tmp_path / "x" / "y.json", "{}")
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["y.json"]
    assert (tmp_path / "x" / "y.json").read_text() == "{}"


def test_a_folder_is_replaced_only_when_the_new_one_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_bytes(b"")
    with pytest.raises(FileNotFoundError), atomically.replacing(folder) as new:
        (new / "no such folder" / "file").write_bytes(b"")
    assert [p.name for p in folder.iterdir()] == ["old"]
    with atomically.replacing(folder) as new:
        assert not any(new.iterdir())
        (new / "new").write_bytes(b"")
    assert [p.name for p in folder.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder that others are links to, as they would be to one of a bigger disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    return disk


@pytest.mark.parametrize("there", [True, False], ids=["full", "dangling"])
def test_links_to_folders_stay(tmp_path: Path, disk: Path, there: bool) -> None:
    link = tmp_path / "shards"
    link.symlink_to(disk / "shards")
    if there:
        (disk / "shards").mkdir()
        (disk / "shards" / "old").write_bytes(b"")
    for name in ("new", "newer"):
        with atomically.replacing(link) as new:
            assert new.parent == disk
            (new / name).write_bytes(b"")
        assert link.is_symlink()
        assert [p.name for p in (disk / "shards").iterdir()] == [name]
    assert [p.name for p in disk.iterdir()] == ["shards"]


@pytest.mark.parametrize("there", [True, False], ids=["full", "dangling"])
def test_links_to_files_stay(tmp_path: Path, disk: Path, there: bool) -> None:
    link = tmp_path / "board.json"
    link.symlink_to(disk / "board.json")
    if there:
        link.write_text("old")
    atomically.write(link, "new")
    assert link.is_symlink()
    assert (disk / "board.json").read_text() == "new"
    assert [p.name for p in disk.iterdir()] == ["board.json"]


def test_a_folder_that_is_a_link_is_made_where_it_leads(tmp_path: Path, disk: Path) -> None:
    (tmp_path / "reports").symlink_to(disk / "reports")
    atomically.write(tmp_path / "reports" / "index.html", "page")
    assert (disk / "reports" / "index.html").read_text() == "page"


@pytest.mark.parametrize("leads_to", ["no disk/shards", "shards"])
def test_links_to_nowhere_are_refused(tmp_path: Path, leads_to: str) -> None:
    (tmp_path / "shards").symlink_to(tmp_path / leads_to)
    with pytest.raises(EnvironmentProblem, match=r"shards: a link to .*mend or remove the link"):
        atomically.write(tmp_path / "shards" / "manifest.json", "{}")
    with (
        pytest.raises(EnvironmentProblem, match="shards: a link to"),
        atomically.replacing(tmp_path / "shards"),
    ):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["shards"]


def test_what_is_mounted_is_refused_before_the_work() -> None:
    with (
        pytest.raises(EnvironmentProblem, match=r"/proc: something is mounted there"),
        atomically.replacing(Path("/proc")),
    ):
        raise AssertionError("the work has begun")


def test_a_file_that_cannot_be_replaced_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError):
        atomically.write(tmp_path / "file", "")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_only_trainings_are_deleted_beside_a_training(tmp_path: Path) -> None:
    first = checkpoints.of_training(tmp_path, {"seed": 1})
    (first / "epoch").write_bytes(b"")
    (tmp_path / ".DS_Store").write_bytes(b"")
    (tmp_path / "mine").mkdir()
    second = checkpoints.of_training(tmp_path, {"seed": 2})
    assert {p.name for p in tmp_path.iterdir()} == {".DS_Store", "mine", second.name}
