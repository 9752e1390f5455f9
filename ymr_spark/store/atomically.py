"""Files and folders that readers see whole or not at all, whatever kills the writer.

Links stay: what they lead to is made or replaced, on the disk where it lies.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.store.locations import Location
from ymr_spark.store.remote import Remote


def write(path: Location, content: str | bytes) -> None:
    """Write a file, making its folder.

    Raises:
        EnvironmentProblem: a link on the way leads nowhere, or the file is mounted.
    """
    if isinstance(path, Remote):
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return
    with writing(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def writing(path: Location) -> Iterator[Path]:
    """A file of this machine to write, which is not there; it takes the path's place when the
    block succeeds, in a folder that is made.

    Raises:
        EnvironmentProblem: a link on the way leads nowhere, or the file is mounted.
    """
    if isinstance(path, Remote):
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder, path.name)
            path.write_bytes(Path(folder, path.name).read_bytes())
        return
    path = _replaceable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def replacing(folder: Location) -> Iterator[Location]:
    """A hidden sibling to fill; it takes the folder's place when the block succeeds.

    In an object store, which renames nothing, its files are copied into the folder's place.

    Raises:
        EnvironmentProblem: a link on the way leads nowhere, or the folder is mounted.
    """
    if isinstance(folder, Remote):
        with _replacing_in_store(folder) as prefix:
            yield prefix
    else:
        with _replacing_on_disk(folder) as sibling:
            yield sibling


@contextmanager
def _replacing_in_store(folder: Remote) -> Iterator[Remote]:
    partial = folder.parent / f".{folder.name}.partial"
    partial.rmtree()
    try:
        yield partial
    except BaseException:
        partial.rmtree()
        raise
    folder.rmtree()
    partial.move(folder)


@contextmanager
def _replacing_on_disk(folder: Path) -> Iterator[Path]:
    folder = _replaceable(folder)
    partial = folder.with_name(f".{folder.name}.partial")
    replaced = folder.with_name(f".{folder.name}.replaced")
    if replaced.exists() and not folder.exists():  # a run was killed between two renames
        replaced.rename(folder)
    for leftover in (partial, replaced):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if folder.exists():
        folder.rename(replaced)
    partial.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)


def followed(path: Path) -> Path:
    """Where the path leads through all links, whether or not something is there.

    Raises:
        EnvironmentProblem: a link on the way leads into a folder that is not there.
    """
    last = next(p for p in (path, *path.parents) if os.path.lexists(p))
    end = Path(os.path.realpath(last))
    # A disk that is not mounted, rather than a folder that is to be made; or links in a circle.
    if last.is_symlink() and (end.is_symlink() or not end.parent.is_dir()):
        raise EnvironmentProblem(
            f"{last}: a link to {end}, where there is no folder for it; "
            "mount that disk, or mend or remove the link"
        )
    return Path(os.path.realpath(path))


def _replaceable(path: Path) -> Path:
    """Where the path leads; siblings of that are on the same disk."""
    target = followed(path)
    if str(target) in {partition.mountpoint for partition in psutil.disk_partitions(all=True)}:
        raise EnvironmentProblem(
            f"{path}: something is mounted there, so it cannot be replaced as a whole; mount it "
            "elsewhere and make this a link to a folder on it, or choose another path"
        )
    return target
