"""Zip and tar archives, unpacked for as long as they are read."""

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ymr_spark.errors import DataContractError
from ymr_spark.store import locations, scratch
from ymr_spark.store.locations import Location

_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2")


@contextmanager
def unpacked(path: Location, place: Location) -> Iterator[Location]:
    """The path, or where an archive was unpacked: a folder that all executors can read.

    Args:
        place: a folder for it, which goes when the block ends.

    Raises:
        DataContractError: the archive is damaged.
    """
    if not path.is_file() or not path.name.lower().endswith(_SUFFIXES):
        yield path
        return
    locations.remove(place)
    folder = place / path.name.split(".")[0]
    folder.mkdir(parents=True)
    try:
        with scratch.filled(folder) as filled:
            _unpack(path, filled)
        yield folder
    finally:
        locations.remove(place)


def _unpack(path: Location, folder: Path) -> None:
    try:
        with path.open("rb") as file:
            if path.name.lower().endswith(".zip"):
                with zipfile.ZipFile(file) as archive:
                    archive.extractall(folder)  # which checks sums, and keeps below the folder
            else:
                with tarfile.open(fileobj=file) as tar:
                    tar.extractall(folder, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, NotImplementedError) as e:
        raise DataContractError(
            f"{path}: cannot be unpacked ({e}); the archive is damaged or cut: get it again"
        ) from e
