"""Files and folders that readers see whole or not at all, whatever kills the writer.

Links stay: what they lead to is made or replaced, on the disk where it lies.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ymr_spark.errors import EnvironmentProblem


def write(path: Path, content: str | bytes) -> None:
    """Write a file, making its folder.

    Raises:
        EnvironmentProblem: a link on the way leads nowhere, or the file is mounted.
    """
    path = _replaceable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A hidden sibling to fill; it takes the folder's place when the block succeeds.

    Raises:
        EnvironmentProblem: a link on the way leads nowhere, or the folder is mounted.
    """
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
