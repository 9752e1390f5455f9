"""The whole pipeline in one session, for tests: `spark-submit tests/all_stages.py WAREHOUSE`."""

import sys
from importlib import import_module
from pathlib import Path

from pyspark.sql import SparkSession

from ymr_spark.models import registry
from ymr_spark.pipeline import cli, manifests, provenance, runs, stages
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.manifest import Cost
from ymr_spark.runtime import session
from ymr_spark.store import locations

SETTINGS = {
    "planted": {"users": 120, "songs": 150, "train_ratings": 6000},
    "models": [name for name in registry.NAMES if name != "two_tower_mlp"],
    **{e.name: {"max_epochs": 2, "batch_size": 512} for e in registry.MODELS if e.deep},
    "als": {"rank": 8, "iterations": 3},
    "latent_factor": {"max_iterations": 3},
    "recommend": {"k": 5},
    "tune": {"trials": 0},
}


def run(spark: SparkSession, warehouse: Warehouse) -> None:
    settings = Settings.model_validate(SETTINGS)
    for stage in stages.pipeline(settings):
        job = import_module(f"jobs.{stage.job}")
        code = provenance.code(str(job.__file__), *stage.modules)
        before = runs.fingerprint(stage, warehouse, settings, code)
        model = [stage.model] if stage.model else []
        figures = job.run(spark, *cli.declared(stage, warehouse, settings), *model)
        cost = Cost(job_seconds=1.0, peak_memory_mib=1)
        manifests.write(stage, warehouse, "all", before, figures, cost)


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parent.parent))
    run(session.build("all stages"), Warehouse(locations.of(sys.argv[1])))
