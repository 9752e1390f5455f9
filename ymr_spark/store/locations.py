"""Where data lie: a path on a disk that all machines share, or a URI of a store that they reach."""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from ymr_spark.store.remote import Remote

Location = Path | Remote
# A file's bytes, and what changes with its content: its time in nanoseconds, or the store's mark.
Stamp = tuple[int, int | str]


def of(text: str) -> Location:
    """What a setting names; raises ValueError where that is nowhere."""
    if text.startswith("file://"):
        path = text.removeprefix("file://")
        if not path.startswith("/"):
            raise ValueError("expected file:///FOLDER, of this machine")
        return Path(path)
    return Remote.of(text) if "://" in text else Path(text)


def for_spark(location: Location) -> str:
    """With the scheme by which Spark knows it, whatever its default file system is."""
    return f"file://{location.absolute()}" if isinstance(location, Path) else str(location)


def for_delta(location: Location) -> str:
    """As delta-rs knows it."""
    return str(location)


def for_arrow(locations: Sequence[str]) -> tuple[Any, list[str]]:
    """A file system for pyarrow, None for the machine's, and the paths of locations there.

    Args:
        locations: as texts, all of one store.
    """
    if not locations or "://" not in locations[0]:
        return None, [*locations]
    there = [Remote.of(location).arrow for location in locations]
    return there[0][0], [path for _, path in there]


def files(location: Location) -> dict[Location, Stamp]:
    """Each file below a folder, or the file itself; empty where nothing is there."""
    if isinstance(location, Remote):
        return dict(location.files().items())
    found = [location] if location.is_file() else sorted(location.rglob("*"))
    return {path: stamp(path) for path in found if path.is_file()}


def stamp(file: Location) -> Stamp:
    """Of one file; raises OSError where it is not there."""
    if isinstance(file, Path):
        stat = file.stat()
        return stat.st_size, stat.st_mtime_ns
    return file.stamp()


def modified(file: Location) -> float:
    """When it was written, in seconds since the epoch."""
    return file.stat().st_mtime if isinstance(file, Path) else file.modified()


def below(folder: Location, file: Location) -> PurePath:
    """The file's path from the folder; raises ValueError where it is not in it."""
    if isinstance(file, Remote) and isinstance(folder, Remote):
        return file.relative_to(folder)
    return Path(str(file)).relative_to(str(folder))


def remove(folder: Location) -> None:
    """Remove a folder with all that is in it, if it is there; of a link to one, the link."""
    if isinstance(folder, Remote):
        folder.rmtree()
    elif folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def remove_file(file: Location, root: Location) -> None:
    """Remove a file, if it is there, and the folders below the root that it leaves empty."""
    file.unlink(missing_ok=True)
    for folder in file.parents if isinstance(file, Path) else ():
        if folder == root or any(folder.iterdir()):
            return
        folder.rmdir()


def within(folder: Location) -> list[Location]:
    """What is in a folder, ascending; raises OSError where there is none."""
    found: list[Location] = [*folder.iterdir()]
    return sorted(found, key=str)


def matching(folder: Location, pattern: str) -> list[Location]:
    """What is below a folder and matches, ascending; nothing where there is no folder."""
    found: list[Location] = [*folder.glob(pattern)]
    return sorted(found, key=str)


def free_bytes(folder: Location) -> float:
    """Of the disk that the folder is or will be on; a store has no end."""
    if isinstance(folder, Remote):
        return math.inf
    path = folder.absolute()
    return shutil.disk_usage(next(p for p in [path, *path.parents] if p.exists())).free
