"""The run lock, and whether a stage need run at all."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from ymr_spark.pipeline import manifests, provenance
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.stages import Stage, makers
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Figures
from ymr_spark.records.manifest import Fingerprint
from ymr_spark.store import lock as store_lock


def new_run_id() -> str:
    """The time in UTC, to the second, and the process id."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S") + f"-{os.getpid()}"


@contextmanager
def lock(warehouse: Warehouse, run_id: str, held: bool = False) -> Iterator[None]:
    """Hold the warehouse for one run; it is let go of when the holder dies.

    Args:
        held: by a process of the run's that this one works for.

    Raises:
        WarehouseLocked: another run holds it; says which, where and since when.
        EnvironmentProblem: the file system is not one for a warehouse.
    """
    if held:
        store_lock.require(warehouse.root, run_id)
        yield
    else:
        with store_lock.held(warehouse.root, _myself(run_id)):
            yield


def _myself(run_id: str) -> dict[str, Any]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"run_id": run_id, "host": socket.gethostname(), "pid": os.getpid(), "since": since}


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


def to_go_on_from(
    stage: Stage, warehouse: Warehouse, settings: Settings, code: str
) -> Figures | None:
    """What the stage's last run has told, if all but what it reads is as it was then, and what it
    wrote is as it was left."""
    last = manifests.latest(stage.name, warehouse)
    if last is None:
        return None
    now = fingerprint(stage, warehouse, settings, code)
    if now.model_copy(update={"inputs": last.fingerprint.inputs}) != last.fingerprint:
        return None
    same = all(warehouse.state(r) == state for r, state in last.outputs.items())
    return last.figures if same and not any(map(warehouse.missing, last.outputs)) else None


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
