"""Zip and tar archives, unpacked for as long as they are read."""

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ymr_spark.errors import DataContractError

_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2")


@contextmanager
def unpacked(path: Path, scratch: Path) -> Iterator[Path]:
    """The path, or where an archive was unpacked: a folder that all executors can read.

    Raises:
        DataContractError: the archive is damaged.
    """
    if not path.is_file() or not path.name.lower().endswith(_SUFFIXES):
        yield path
        return
    shutil.rmtree(scratch, ignore_errors=True)
    folder = scratch / path.name.split(".")[0]
    folder.mkdir(parents=True)
    try:
        _unpack(path, folder)
        yield folder
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _unpack(path: Path, folder: Path) -> None:
    try:
        if path.name.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)  # which checks sums, and keeps below the folder
        else:
            with tarfile.open(path) as tar:
                tar.extractall(folder, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, NotImplementedError) as e:
        raise DataContractError(
            f"{path}: cannot be unpacked ({e}); the archive is damaged or cut: get it again"
        ) from e
