"""What all that reads and writes data relies on, the same on disks, in S3 and on HDFS."""

import hashlib
import importlib
import pickle
import sys
from contextlib import suppress
from pathlib import Path, PurePath

import fsspec
import pyarrow as pa
import pytest
from servers.s3 import S3Server

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.runtime import failures
from ymr_spark.store import atomically, file_states, locations, parquet, remote
from ymr_spark.store.locations import Location
from ymr_spark.store.remote import Remote


def names(found: list[Location]) -> list[str]:
    return [location.name for location in found]


def test_a_file_is_what_was_written_last(folder: Location) -> None:
    file = folder / "b/a=1.txt"
    assert not file.exists()
    for content in ("first", "é"):
        atomically.write(file, content)
        assert file.read_text() == content
    assert file.is_file()
    assert not file.is_dir()
    assert file.parent.is_dir()
    assert not file.parent.is_file()
    assert not (folder / "b/a").exists()  # a beginning of a name is none
    assert (file.name, file.stem, file.suffix) == ("a=1.txt", "a=1", ".txt")
    with file.open("rb") as opened:
        opened.seek(1)
        assert opened.read() == "é".encode()[1:]
    file.unlink()
    file.unlink(missing_ok=True)
    assert not file.exists()
    with pytest.raises(FileNotFoundError):
        file.unlink()
    with pytest.raises(FileNotFoundError):
        file.read_bytes()
    with pytest.raises(FileNotFoundError):
        locations.stamp(file)


def test_files_are_found_by_folder_and_pattern(folder: Location) -> None:
    assert locations.files(folder) == {}
    assert locations.matching(folder, "*") == []
    assert not folder.exists()
    for name in ("x/2.json", "x/10.json", "y/z/1.json", "1.txt"):
        atomically.write(folder / name, name)
    assert {str(locations.below(folder, f)) for f in locations.files(folder)} == {
        *("x/2.json", "x/10.json", "y/z/1.json", "1.txt")
    }
    assert names(locations.within(folder)) == ["1.txt", "x", "y"]
    assert names(locations.matching(folder, "x/*.json")) == ["10.json", "2.json"]
    assert names(locations.matching(folder, "*/10.json")) == ["10.json"]
    assert names(locations.matching(folder, "**/1.*")) == ["1.txt", "1.json"]
    assert locations.files(folder / "1.txt") == {
        folder / "1.txt": locations.stamp(folder / "1.txt")
    }
    assert locations.below(folder, folder / "x/2.json") == PurePath("x/2.json")
    with pytest.raises(ValueError, match="not in"):
        locations.below(folder / "x", folder / "y/z")
    locations.remove(folder / "x")
    locations.remove(folder / "x")
    assert names([*locations.files(folder)]) == ["1.txt", "1.json"]
    assert not (folder / "x").exists()


def test_a_stamp_changes_with_the_content(folder: Location) -> None:
    file = folder / "file"
    atomically.write(file, "one")
    before = locations.stamp(file)
    assert before[0] == 3
    assert locations.stamp(file) == before == locations.files(folder)[file]
    atomically.write(file, "two")
    assert locations.stamp(file) != before


def test_a_file_that_is_filled_here_is_there_once_it_is_whole(folder: Location) -> None:
    file = folder / "deep/file"
    atomically.write(file, "old")
    with suppress(ZeroDivisionError), atomically.writing(file) as partial:
        partial.write_text("cut")
        raise ZeroDivisionError
    assert file.read_text() == "old"
    with atomically.writing(file) as partial:
        partial.write_text("new")
        assert file.read_text() == "old"
    assert names([*locations.files(folder)]) == ["file"]
    assert file.read_text() == "new"
    assert file_states.sha256(file) == hashlib.sha256(b"new").hexdigest()


def test_a_folder_is_replaced_only_when_the_new_one_is_whole(folder: Location) -> None:
    for name in ("old", "deep/old"):
        atomically.write(folder / name, name)
    with suppress(ZeroDivisionError), atomically.replacing(folder) as new:
        atomically.write(new / "new", "")
        raise ZeroDivisionError
    assert sorted(names([*locations.files(folder)])) == ["old", "old"]
    with atomically.replacing(folder) as new:
        assert locations.files(new) == {}
        atomically.write(new / "deep/new", "new")
    (found,) = locations.files(folder)
    assert found == folder / "deep/new"
    assert found.read_text() == "new"
    partial = locations.matching(folder.parent, f".{folder.name}*")
    assert not any(path.exists() for path in partial)


def test_what_is_written_from_beginning_to_end(folder: Location) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "large").open("wb") as opened:
        for _ in range(3):
            opened.write(b"x" * 2**22)
    assert locations.stamp(folder / "large")[0] == 3 * 2**22


def test_arrow_reads_and_writes(folder: Location) -> None:
    rows = pa.table({"a": pa.array([1, 2, 3], pa.int32()), "part": ["x", "y", "x"]})
    write = parquet.writer(str(folder), rows.schema, ["part"], iter)
    folder.mkdir(parents=True, exist_ok=True)
    written = pa.Table.from_batches(write(rows.to_batches())).to_pylist()
    assert {row["path"].split("/")[0] for row in written} == {"part=x", "part=y"}
    files = [folder / row["path"] for row in written]
    assert [locations.stamp(f)[0] for f in files] == [row["bytes"] for row in written]
    read = parquet.dataset([*map(str, files)], str(folder)).to_table(["a", "part"])
    assert sorted(map(tuple, (row.values() for row in read.to_pylist()))) == [
        *((1, "x"), (2, "y"), (3, "x"))
    ]


def test_hadoops_marks_of_folders_are_no_files(store: Remote) -> None:
    atomically.write(store / "a", "a")
    if store.scheme == "s3a":
        store._files.pipe_file(f"{store._path}/marked/", b"")
    else:
        store._files.mkdir(f"{store._path}/marked")
    assert list(store.files()) == [store / "a"]
    assert not (store / "marked").exists()
    assert locations.files(store / "marked") == {}


def test_one_alone_creates(store: Remote) -> None:
    (store / "lock").create(b"mine")
    with pytest.raises(FileExistsError):
        (store / "lock").create(b"yours")
    assert (store / "lock").read_bytes() == b"mine"
    assert pickle.loads(pickle.dumps(store / "lock")).read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrong", "the keys of the environment"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "whether the server runs"),
    ],
)
def test_a_store_that_is_closed_is_not_an_empty_one(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    for name, right in (s3_server.environ | {variable: value}).items():
        monkeypatch.setenv(name, right)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    remote._file_system.cache_clear()
    there = Remote.of(f"s3://{s3_server.bucket}/there")
    looks = there.exists, there.is_dir, there.files, there.read_bytes, lambda: there.create(b"")
    try:
        for look in looks:
            with pytest.raises(Exception, match=r".") as raised:
                look()
            assert words in str(failures.explained(raised.value))
    finally:
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        remote._file_system.cache_clear()


@pytest.mark.parametrize(
    ("scheme", "way_out"),
    [("s3a", r"ymr_spark\[s3\]"), ("hdfs", r"ymr_spark\[hdfs\]"), ("gs", "gcsfs")],
)
def test_a_missing_package_is_named(
    scheme: str, way_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote._file_system.cache_clear()
    for name in ("s3fs", "hdfs_native.fsspec", "gcsfs"):
        monkeypatch.setitem(sys.modules, name, None)
    for known in ("s3a", "gs"):
        monkeypatch.delitem(importlib.import_module("fsspec.registry")._registry, known, False)
    with pytest.raises(EnvironmentProblem, match=way_out):
        Remote.of(f"{scheme}://somewhere:1/x").exists()


def test_spark_is_told_of_the_disk() -> None:
    assert locations.for_spark(Path("/a b")) == "file:///a b"
    assert locations.for_spark(Remote.of("s3://b/x")) == "s3a://b/x"
    assert locations.for_arrow(["/a"]) == (None, ["/a"])
