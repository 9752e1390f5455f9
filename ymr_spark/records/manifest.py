"""A stage's manifest: what it read, made, was governed by, cost, and has to tell."""

from typing import Any

from pydantic import SerializeAsAny

from ymr_spark.records.figures import Figures
from ymr_spark.records.record import Record


class Fingerprint(Record):
    """All that a stage's output follows from: equal fingerprints need no second run.

    Attributes:
        code: `provenance.code` of the stage's job.
        packages: their versions.
        settings: those that govern the stage, by section, and the seed.
        inputs: `Warehouse.state` of each resource.
    """

    code: str
    packages: dict[str, str | None]
    settings: dict[str, Any]
    inputs: dict[str, str | None]


class Cost(Record):
    """`peak_memory_mib` is of the job with all its processes."""

    job_seconds: float
    peak_memory_mib: int


class Manifest(Cost):
    """One finished run of a stage.

    Attributes:
        sequence: counts the stage's runs, since clocks may go back.
        finished: ISO 8601.
        outputs: `Warehouse.state` of each resource that it wrote.
        figures: in the file they stand beside the others.
    """

    stage: str
    run_id: str
    sequence: int
    finished: str
    fingerprint: Fingerprint
    outputs: dict[str, str | None]
    figures: SerializeAsAny[Figures]
