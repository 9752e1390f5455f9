"""What each stage of a finished warehouse cost per million ratings.

    python bench/sizing.py WAREHOUSE

Reads the last manifest of each stage. Seconds are the whole job's, the JVM's start included;
memory is the peak of driver, JVM and Python workers together in local mode, and of the driver's
side alone on a cluster. `for 717 M` takes seconds to grow with the rows from this size on.
"""

import argparse
from pathlib import Path

from ymr_spark.pipeline import manifests, stages
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.manifest import Manifest

_ALL_MILLIONS = 717.0
_HEAD = "| stage | seconds | s per million | peak GiB | hours for 717 M |\n|---|---|---|---|---|"


def table(warehouse: Warehouse) -> str:
    ingested = manifests.latest("ingest", warehouse)
    if ingested is None:
        raise SystemExit(f"{warehouse.root}: nothing was ingested; run jobs/pipeline.py first")
    millions = ingested.figures.rows / 1e6
    found = (manifests.latest(stage.name, warehouse) for stage in stages.STAGES)
    lines = [_line(manifest, millions) for manifest in found if manifest is not None]
    return "\n".join([f"{millions:.1f} million ratings", "", _HEAD, *lines])


def _line(manifest: Manifest, millions: float) -> str:
    seconds, memory = manifest.job_seconds, manifest.peak_memory_mib / 1024
    each = seconds / millions
    hours = each * _ALL_MILLIONS / 3600
    return f"| {manifest.stage} | {seconds:.0f} | {each:.2f} | {memory:.1f} | {hours:.1f} |"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("warehouse", type=Path)
    print(table(Warehouse(arguments.parse_args().warehouse)))
