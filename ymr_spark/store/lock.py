"""Who may write to a warehouse: a lock of the kernel's on a disk, a lease in a store."""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ymr_spark.errors import WarehouseLocked
from ymr_spark.store import file_system, lease
from ymr_spark.store.locations import Location
from ymr_spark.store.remote import Remote

_NAME = "run.lock"


@contextmanager
def held(root: Location, holder: Mapping[str, Any]) -> Iterator[None]:
    """Hold the warehouse until the block ends; it is let go of when this process dies.

    Args:
        holder: what others are told of it, such as its `run_id`.

    Raises:
        WarehouseLocked: another holds it; says who, where and since when.
        EnvironmentProblem: the file system is not one for a warehouse.
    """
    if isinstance(root, Remote):
        with lease.held(root / _NAME, holder):
            yield
    else:
        with _locked(root, holder):
            yield


def require(root: Location, run_id: str) -> None:
    """Raise WarehouseLocked where no process of that run holds the warehouse any more."""
    path = root / _NAME
    if isinstance(path, Remote):
        lease.require(path, run_id)
    elif _holder(path).get("run_id") != run_id:
        raise WarehouseLocked(f"{path}: not held by the run {run_id} any more; run it again")


def require_lease(root: Location, run_id: str) -> None:
    """The same before each commit: the kernel takes back no lock on a disk."""
    if isinstance(root, Remote):
        lease.require(root / _NAME, run_id)


@contextmanager
def _locked(root: Path, holder: Mapping[str, Any]) -> Iterator[None]:
    path = root / _NAME
    file_system.require(root)
    with file_system.needed(path, "cannot be opened"):
        opened = path.open("a+")
    with opened as file:
        with file_system.needed(path, "no file locks"):
            _claim(file, path)
        file.truncate(0)
        file.write(json.dumps(dict(holder)))
        file.flush()
        yield
        file.truncate(0)


def _claim(file: TextIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WarehouseLocked(
            f"{path}: held by {_holder(path)}; wait for that run or stop it"
        ) from None


def _holder(path: Path) -> dict[str, Any]:
    try:
        holder: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return holder
