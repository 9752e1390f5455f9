"""The run lock, and whether a stage need run at all."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from ymr_spark.errors import WarehouseLocked
from ymr_spark.pipeline import manifests, provenance
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.stages import Stage, makers
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.manifest import Fingerprint
from ymr_spark.store import file_system

# Set by the pipeline for the stages that it starts while it holds the lock itself.
LOCK_HOLDER = "YMR_SPARK_LOCK_HOLDER"


def new_run_id() -> str:
    """The time in UTC, to the second, and the process id."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S") + f"-{os.getpid()}"


@contextmanager
def lock(warehouse: Warehouse, run_id: str) -> Iterator[None]:
    """Hold the warehouse for one run; the kernel lets go of it when the holder dies.

    Raises:
        WarehouseLocked: another run holds it; says which, where and since when.
        EnvironmentProblem: the file system is not one for a warehouse.
    """
    path = warehouse.root / "run.lock"
    if os.environ.get(LOCK_HOLDER) == _holder(path).get("run_id", ""):
        yield
        return
    file_system.require(warehouse.root)
    with file_system.needed(path, "cannot be opened"):
        opened = path.open("a+")
    with opened as file:
        with file_system.needed(path, "no file locks"):
            _claim(file, path)
        file.truncate(0)
        file.write(json.dumps(_myself(run_id)))
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


def _myself(run_id: str) -> dict[str, Any]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"run_id": run_id, "host": socket.gethostname(), "pid": os.getpid(), "since": since}


def _holder(path: Path) -> dict[str, Any]:
    try:
        holder: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return holder


def fingerprint(stage: Stage, warehouse: Warehouse, settings: Settings, code: str) -> Fingerprint:
    """That of the stage as it would run now; `code` is `provenance.code` of its job."""
    values = settings.governing()
    return Fingerprint(
        code=code,
        packages=provenance.packages(),
        settings={key: values[key] for key in ("seed", *stage.settings)},
        inputs={r: warehouse.state(r) for r in (*stage.reads, *stage.optional)},
    )


def is_current(stage: Stage, warehouse: Warehouse, settings: Settings, code: str) -> bool:
    """The stage's last run had the same fingerprint and all that it wrote is still there."""
    last = manifests.latest(stage.name, warehouse)
    if last is None or last.fingerprint != fingerprint(stage, warehouse, settings, code):
        return False
    return all(_still_there(warehouse, r, state) for r, state in last.outputs.items())


def governing(stage: Stage, warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """The settings that governed each stage on whose output, as it is now, `stage` depends.

    A stage of which another run has overwritten what is read is left out.
    """
    whole, found = warehouse.anew(), {}
    for maker in makers(stage):
        last = manifests.latest(maker.name, warehouse)
        if last and all(_still_there(whole, r, state) for r, state in last.outputs.items()):
            found[maker.name] = last.fingerprint.settings
    return found


def _still_there(warehouse: Warehouse, resource: str, written: str | None) -> bool:
    now = warehouse.state(resource)
    if now is None or written is None:
        return now == written
    if warehouse.missing(resource):
        return False
    if not written.startswith("v"):
        return now == written
    # Tables that several stages write go on to later versions.
    return int(now[1:].split("-")[0]) >= int(written[1:].split("-")[0])
