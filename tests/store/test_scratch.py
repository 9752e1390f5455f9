"""Folders of this machine with what a store has, and back."""

from contextlib import suppress
from pathlib import Path

import pytest

from ymr_spark.store import atomically, locations, scratch
from ymr_spark.store.locations import Location
from ymr_spark.store.remote import Remote


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{tmp_path / 'scratch'},/nowhere")
    return tmp_path / "scratch"


def contents(folder: Location) -> dict[str, str]:
    return {str(locations.below(folder, f)): f.read_text() for f in locations.files(folder)}


def test_a_disk_needs_none(tmp_path: Path) -> None:
    assert scratch.brought(tmp_path) == tmp_path
    with scratch.filled(tmp_path) as path:
        assert path == tmp_path
    working = scratch.Working(tmp_path / "new")
    working.publish()
    assert working.path == tmp_path / "new"
    assert [*working.path.iterdir()] == []


def test_what_is_brought_follows_the_store(store: Remote, here: Path) -> None:
    for name in ("a", "deep/b"):
        atomically.write(store / name, name)
    path = scratch.brought(store)
    assert path.is_relative_to(here)
    assert (path / "a").read_text() == "a"
    before = (path / "a").stat()
    atomically.write(store / "deep/b", "other")
    atomically.write(store / "c", "c")
    assert scratch.brought(store) == path
    assert {f.name: f.read_text() for f in path.rglob("[abc]")} == {
        **{"a": "a", "b": "other", "c": "c"}
    }
    assert (path / "a").stat() == before  # it is not brought twice
    (store / "a").unlink()
    assert not (scratch.brought(store) / "a").exists()
    # By a process that was killed before it published.
    (path / "c").write_text("unpublished")
    (path / "unpublished").touch()
    assert {f.name: f.read_text() for f in scratch.brought(store).rglob("[abcu]*")} == {
        **{"b": "other", "c": "c"}
    }


def test_what_is_filled_comes_when_it_is_whole(store: Remote) -> None:
    with suppress(ZeroDivisionError), scratch.filled(store) as path:
        (path / "a").write_text("a")
        raise ZeroDivisionError
    assert contents(store) == {}
    with scratch.filled(store) as path:
        (path / "deep").mkdir()
        (path / "deep" / "a").write_text("a")
    assert contents(store) == {"deep/a": "a"}


def test_another_machine_goes_on(
    store: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = scratch.Working(store)
    (one.path / "1").write_text("1")
    (one.path / "names").write_text("1")
    assert contents(store) == {}
    one.publish()
    assert contents(store) == {"1": "1", "names": "1"}
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path / "another"))
    other = scratch.Working(store)
    assert other.path != one.path
    assert (other.path / "names").read_text() == "1"
    (other.path / "2").write_text("2")
    (other.path / "names").write_text("2")
    (other.path / "1").unlink()
    other.publish()
    assert contents(store) == {"2": "2", "names": "2"}
