"""What a warehouse keeps that nothing needs any more, and how much there is of what."""

import time
from collections.abc import Iterable
from datetime import datetime

from ymr_spark.models import registry
from ymr_spark.pipeline import manifests
from ymr_spark.pipeline.stages import STAGES
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.store import delta_log, locations, retention
from ymr_spark.store.locations import Location

# Tables that grow by small files and whose rows have no order that a reader relies on.
COMPACTED = ("quarantine",)
_SECONDS_AN_HOUR = 3_600


def superseded(warehouse: Warehouse, hours: int) -> dict[str, list[Location]]:
    """By kind, what no stage, no reader that began later and no training that may go on needs.

    Args:
        hours: how long it has been so at least.
    """
    before = time.time() - hours * _SECONDS_AN_HOUR
    tables = _tables(warehouse)
    return {
        "data files of earlier versions": _all(retention.unread_data(t, hours) for t in tables),
        "log entries of earlier versions": _all(retention.unread_log(t, before) for t in tables),
        "manifests of earlier runs": _old_runs(warehouse, before),
        "checkpoints of finished trainings": _done_with(warehouse, before),
    }


def remove(warehouse: Warehouse, found: dict[str, list[Location]]) -> None:
    """Remove it, and compact the tables that grow by small files.

    The warehouse must be locked for this run.
    """
    for table in _tables(warehouse):
        retention.keep_newest(table)
    for file in _all(found.values()):
        warehouse.require_lock()
        locations.remove_file(file, warehouse.root)
    for name in COMPACTED:
        if warehouse.version(name) is not None:
            warehouse.require_lock()
            retention.compact(warehouse.path(name))


def size(files: Iterable[Location]) -> int:
    """Bytes of all files."""
    return sum(locations.stamp(file)[0] for file in files)


def readable(found: float) -> str:
    """Bytes in a unit that suits their number."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if found < 1000:
            return f"{found:.3g} {unit}"
        found /= 1000
    return f"{found:.3g} TB"


def contents_of(folder: str) -> dict[str, int]:
    """`contents` of the warehouse in that folder, or at that URI."""
    return contents(Warehouse(locations.of(folder)))


def contents(warehouse: Warehouse) -> dict[str, int]:
    """By kind, the bytes of all that is in the warehouse."""
    newest = {file for table in _tables(warehouse) for file in _data(table)}
    found: dict[str, int] = {}
    for file, stamp in locations.files(warehouse.root).items():
        kind = _kind(locations.below(warehouse.root, file).parts, file in newest)
        found[kind] = found.get(kind, 0) + stamp[0]
    return dict(sorted(found.items(), key=lambda kind: -kind[1]))


def _kind(parts: tuple[str, ...], is_newest: bool) -> str:
    if parts[0] == "tables":
        if "_delta_log" in parts:
            return "logs of tables"
        return "tables" if is_newest else "earlier versions of tables"
    if parts[0] == "models":
        return "trained models" if "saved_model" in parts else "checkpoints, searches"
    if len(parts) == 1:
        return "exports and others"
    return parts[0]


def _tables(warehouse: Warehouse) -> list[Location]:
    folder = warehouse.root / "tables"
    found = locations.within(folder) if folder.is_dir() else []
    return [table for table in found if delta_log.commits(table)]


def _data(table: Location) -> list[Location]:
    return delta_log.files(table, delta_log.opened(table))


def _all(found: Iterable[Iterable[Location]]) -> list[Location]:
    return [file for files in found for file in files]


def _old_runs(warehouse: Warehouse, before: float) -> list[Location]:
    """All but the last manifest of each stage."""
    last = [manifests.latest(stage.name, warehouse) for stage in STAGES]
    kept = {warehouse.root / "runs" / m.run_id / f"{m.stage}.json" for m in last if m}
    found = locations.files(warehouse.root / "runs")
    return [file for file in found if file not in kept and locations.modified(file) < before]


def _done_with(warehouse: Warehouse, before: float) -> list[Location]:
    """Checkpoints, samples and journals of stages that have finished since."""
    finished = {}
    for stage in STAGES:
        if last := manifests.latest(stage.name, warehouse):
            finished[stage.name] = datetime.fromisoformat(last.finished).timestamp()
    found, models = [], warehouse.root / "models"
    tuned = [name for name in registry.TUNED if (models / "tuning" / name).exists()]
    for file in locations.files(models):
        keepers = _keepers(locations.below(models, file).parts, tuned)
        ends = [finished.get(keeper, 0.0) for keeper in keepers]
        if ends and locations.modified(file) < min(before, *ends):
            found.append(file)
    return found


def _keepers(parts: tuple[str, ...], tuned: list[str]) -> list[str]:
    """The stages that may go on from a file below models/; none where it is a result.

    Args:
        tuned: the models whose tuning has begun, which share their samples.
    """
    owner, *rest = parts
    if owner == "tuning":
        return [f"tune_{name}" for name in (tuned if rest[0] == "shards" else rest[:1])]
    if owner in ("search", "by_size"):
        return [{"search": "search", "by_size": "compare_by_size"}[owner]]
    return [f"train_{owner}"] if rest[0] == "checkpoints" else []
