"""Folders of this machine, for what cannot read and write a store itself: TensorFlow, Petastorm.

On a disk that all machines share a location is its own scratch folder.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ymr_spark.store import locations
from ymr_spark.store.locations import Location
from ymr_spark.store.remote import Remote

# Where a cluster's node wants it, in the order in which YARN and Spark name them.
_PLACES = ("LOCAL_DIRS", "SPARK_LOCAL_DIRS")
_STAMPS = ".stamps.json"


def brought(folder: Location) -> Path:
    """The folder, or one of this machine that has its files; what is there already is not brought
    again."""
    if isinstance(folder, Path):
        return folder
    path, there = _place(folder), folder.files()
    wanted = {str(file.relative_to(folder)): file for file in there}
    stamps = {name: [*there[file]] for name, file in wanted.items()}
    known, here = _known(path), _local(path)
    for name in here - wanted.keys():
        (path / name).unlink()
    for name, file in wanted.items():
        # A process that was killed may have written here and published nothing.
        if name not in here or known.get(name) != [stamps[name], _written(path / name)]:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            file.bring(path / name)
    _note(path, {name: [stamp, _written(path / name)] for name, stamp in stamps.items()})
    return path


@contextmanager
def named_or_temporary(name: str | None) -> Iterator[Location]:
    """The location of that name, or a folder of this machine that goes when the block ends."""
    if name is not None:
        yield locations.of(name)
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


@contextmanager
def filled(folder: Location) -> Iterator[Path]:
    """A folder to write into whose files are the location's when the block succeeds."""
    if isinstance(folder, Path):
        yield folder
        return
    with tempfile.TemporaryDirectory(dir=_root()) as temporary:
        path = Path(temporary)
        yield path
        for name in sorted(_local(path)):
            (folder / name).take(path / name)


class Working:
    """A folder to go on with, whatever machine it was left by.

    Attributes:
        path: of this machine, with what the location has.
    """

    def __init__(self, folder: Location) -> None:
        """Bring what is there."""
        self.folder, self.path = folder, brought(folder)
        self.path.mkdir(parents=True, exist_ok=True)
        self._published = self._states()

    def publish(self) -> None:
        """Make the location's files those of the path: what was written last comes last, so that
        what names other files does not come before them."""
        if not isinstance(self.folder, Remote):
            return
        states = self._states()
        changed = [name for name in states if self._published.get(name) != states[name]]
        for name in sorted(changed, key=lambda name: states[name][0]):
            (self.folder / name).take(self.path / name)
        for name in self._published.keys() - states.keys():
            (self.folder / name).unlink(missing_ok=True)
        self._published = states

    def _states(self) -> dict[str, list[int]]:
        if not isinstance(self.folder, Remote):
            return {}
        return {name: _written(self.path / name) for name in _local(self.path)}


def _root() -> Path:
    places = (os.environ[name].split(",")[0] for name in _PLACES if os.environ.get(name))
    root = Path(next(places, tempfile.gettempdir())) / f"ymr_spark-{os.getuid()}"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return root


def _place(folder: Remote) -> Path:
    return _root() / hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def _local(path: Path) -> set[str]:
    found = {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}
    return found - {_STAMPS}


def _written(file: Path) -> list[int]:
    stat = file.stat()
    return [stat.st_mtime_ns, stat.st_size]


def _known(path: Path) -> dict[str, list[object]]:
    try:
        known: dict[str, list[object]] = json.loads((path / _STAMPS).read_text())
    except (OSError, ValueError):
        shutil.rmtree(path, ignore_errors=True)
        return {}
    return known


def _note(path: Path, stamps: Mapping[str, list[object]]) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / _STAMPS).write_text(json.dumps(stamps))
