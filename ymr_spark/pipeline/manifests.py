"""The stages' manifests, W/runs/<run-id>/<stage>.json."""

import json
import logging
from datetime import UTC, datetime
from typing import TypeVar

from ymr_spark import strict_json
from ymr_spark.pipeline import stages
from ymr_spark.pipeline.stages import Stage
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records import figures
from ymr_spark.records.figures import Figures
from ymr_spark.records.manifest import Cost, Fingerprint, Manifest
from ymr_spark.store import atomically, locations
from ymr_spark.store.locations import Location

log = logging.getLogger(__name__)
Told = TypeVar("Told", bound=Figures)


_OWN = Manifest.model_fields.keys() - {"figures"}


def write(
    stage: Stage,
    warehouse: Warehouse,
    run_id: str,
    fingerprint: Fingerprint,
    told: Figures,
    cost: Cost,
) -> None:
    """Write W/runs/<run-id>/<stage>.json, whole or not at all."""
    last = latest(stage.name, warehouse)
    manifest = Manifest(
        stage=stage.name,
        run_id=run_id,
        sequence=last.sequence + 1 if last else 1,
        finished=datetime.now(UTC).isoformat(),
        fingerprint=fingerprint,
        outputs={resource: warehouse.state(resource) for resource in stage.writes},
        figures=told,
        **cost.model_dump(),
    )
    content = manifest.model_dump(exclude_unset=True)
    content |= content.pop("figures")
    warehouse.require_lock()
    atomically.write(
        warehouse.root / "runs" / run_id / f"{stage.name}.json",
        strict_json.dumps(content, indent=1),
    )


def latest(stage: str, warehouse: Warehouse) -> Manifest | None:
    """That of the stage's last finished run, whatever its run id and the clock.

    A file that is no manifest of this version is passed over, so that its stage is run again.
    """
    files = locations.matching(warehouse.root, f"runs/*/{stage}.json")
    found = [manifest for manifest in map(_read, files) if manifest is not None]
    return max(found, key=lambda m: (m.sequence, m.finished), default=None)


def told(stage: str, warehouse: Warehouse, kind: type[Told]) -> Told | None:
    """What the stage's last finished run has to tell."""
    last = latest(stage, warehouse)
    return last.figures if last and isinstance(last.figures, kind) else None


def _read(path: Location) -> Manifest | None:
    stage = stages.named(path.stem)
    try:
        content = json.loads(path.read_text())
        told = {name: content[name] for name in content.keys() - _OWN}
        own = {name: content[name] for name in content.keys() & _OWN}
        return Manifest(**own, figures=figures.kind(stage.job).model_validate(told))
    except (OSError, ValueError, AttributeError) as e:
        log.warning("%s: not a manifest of this version (%s)", path, str(e).splitlines()[0])
        return None
