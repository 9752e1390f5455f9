"""The run lock, and each stage's manifest: what it read, made, was governed by, and cost."""

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import psutil

from ymr_spark import strict_json
from ymr_spark.errors import WarehouseLocked
from ymr_spark.pipeline import provenance
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.stages import Stage, makers
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.store import atomically, file_system

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


def fingerprint(
    stage: Stage, warehouse: Warehouse, settings: Settings, code: str
) -> dict[str, Any]:
    """All that a stage's output follows from: equal fingerprints need no second run.

    Args:
        code: `provenance.code` of the stage's job.
    """
    values = settings.model_dump(mode="json")
    return {
        "code": code,
        "packages": provenance.packages(),
        "settings": {key: values[key] for key in ("seed", *stage.settings)},
        "inputs": {r: warehouse.state(r) for r in (*stage.reads, *stage.optional)},
    }


def is_current(stage: Stage, warehouse: Warehouse, settings: Settings, code: str) -> bool:
    """The stage's last run had the same fingerprint and all that it wrote is still there."""
    last = latest_manifest(stage.name, warehouse)
    if last is None or last["fingerprint"] != fingerprint(stage, warehouse, settings, code):
        return False
    return all(_still_there(warehouse, r, state) for r, state in last["outputs"].items())


def governing(stage: Stage, warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """The settings that governed each stage on whose output, as it is now, `stage` depends.

    A stage of which another run has overwritten what is read is left out.
    """
    whole, found = Warehouse(warehouse.root, warehouse.raw), {}
    for maker in makers(stage):
        last = latest_manifest(maker.name, warehouse)
        if last and all(_still_there(whole, r, state) for r, state in last["outputs"].items()):
            found[maker.name] = last["fingerprint"]["settings"]
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


def latest_manifest(stage: str, warehouse: Warehouse) -> dict[str, Any] | None:
    """The manifest of the stage's last finished run, whatever its run id and the clock."""
    found = [json.loads(p.read_text()) for p in warehouse.root.glob(f"runs/*/{stage}.json")]
    return max(found, key=lambda m: (_sequence(m), str(m["finished"])), default=None)


def _sequence(manifest: Mapping[str, Any]) -> int:
    """0 for one that was written before runs were counted."""
    return int(manifest.get("sequence", 0))


def write_manifest(
    stage: Stage,
    warehouse: Warehouse,
    run_id: str,
    stage_fingerprint: dict[str, Any],
    figures: dict[str, Any],
) -> None:
    """Write W/runs/<run-id>/<stage>.json, whole or not at all.

    Its `sequence` counts the stage's runs: clocks may go back.
    """
    last = latest_manifest(stage.name, warehouse)
    manifest = {
        "stage": stage.name,
        "run_id": run_id,
        "sequence": _sequence(last) + 1 if last else 1,
        "finished": datetime.now(UTC).isoformat(),
        "fingerprint": stage_fingerprint,
        "outputs": {resource: warehouse.state(resource) for resource in stage.writes},
        **figures,
    }
    atomically.write(
        warehouse.root / "runs" / run_id / f"{stage.name}.json",
        strict_json.dumps(manifest, indent=1),
    )


class PeakMemory:
    """Samples the resident memory of this process and all below it (JVM, Python workers).

    `of(pid)` adds a process that is not below this one, such as a JVM that it joined.
    """

    def __init__(self, every_seconds: float = 0.5) -> None:
        self.mebibytes = 0.0
        self._roots = {psutil.Process()}
        self._every = every_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def of(self, pid: int) -> None:
        """Sample that process too, and all below it."""
        self._roots = self._roots | {psutil.Process(pid)}

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            self.mebibytes = max(self.mebibytes, _mebibytes(self._roots))


def _mebibytes(roots: Iterable[psutil.Process]) -> float:
    total = 0
    # A command that Java has only just started still shows Java's memory as its own.
    settled = time.time() - 1
    for process in {p for root in roots for p in _tree(root)}:
        with suppress(psutil.Error):
            if process.create_time() < settled:
                total += process.memory_info().rss
    return total / 2**20


def _tree(root: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return [root, *root.children(recursive=True)]
    return []
