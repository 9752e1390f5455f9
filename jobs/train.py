"""ratings, shards/, a fallback -> NAME_*, models, predictions: fit the models that are named."""

import logging
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.models import registry
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.pipeline import checkpoints, cli, provenance, publication, stages
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.shards import indices, manifest
from ymr_spark.shards.manifest import Manifest

log = logging.getLogger(__name__)
_COLUMNS = {"userCol": "user_id", "itemCol": "song_id", "ratingCol": "rating"}
_VALIDATION = "is_validation"
# What models of one run share, by the version of the ratings.
Packed = dict[int, TrainRatings]


def run(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    model: str,
    packed: Packed | None = None,
) -> cli.Figures:
    """Fit a model to the train rows; publish it with its predictions for all others."""
    entry, values = registry.named(model), settings.of(model)
    contents = _verified_shards(warehouse) if entry.deep else None
    estimator = registry.imported(entry.estimator).of_settings(
        values, **_COLUMNS, seed=settings.seed, validationIndicatorCol=_VALIDATION
    )
    if estimator.hasParam("checkpointDir"):
        folder = _checkpoints(warehouse, settings, entry, contents)
        estimator.set(estimator.checkpointDir, str(folder))
    if entry.fallback:
        estimator.setFallback(LinearModel(publication.load_factors(warehouse, entry.fallback)))
    log.info("fitting %s", model)
    started = time.monotonic()
    if contents is None:
        fitted = estimator.fit_ratings(_ratings(spark, warehouse, estimator, packed))
    else:
        fitted = _deep(spark, warehouse, settings, estimator, contents)
    # A training that was interrupted has taken more than this run.
    curve = fitted.figures.get("learning_curve", [])
    seconds = sum(p["seconds"] for p in curve) or time.monotonic() - started
    log.info("fitted %s in %.0f s", model, seconds)
    figures = publication.publish(spark, warehouse, fitted, fit_seconds=seconds, parameters=values)
    return {"model": model, **figures, **fitted.figures}


def _ratings(
    spark: SparkSession, warehouse: Warehouse, estimator: Any, packed: Packed | None
) -> TrainRatings:
    version, packed = warehouse.pin("ratings"), {} if packed is None else packed
    if version not in packed:
        rows = warehouse.read(spark, "ratings").where(F.col("split") != "test")
        rows = rows.withColumn(_VALIDATION, F.col("split") == "validation")
        packed[version] = estimator.ratings_of(rows)
    return packed[version]


def _verified_shards(warehouse: Warehouse) -> Manifest:
    return manifest.verify(warehouse.path("shards/"), warehouse.pin("ratings"))


def _deep(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    estimator: Any,
    contents: Manifest,
) -> RatingModel[Any]:
    shards = warehouse.path("shards/")
    ids = indices.load(shards / "indices")
    fitted: RatingModel[Any] = estimator.fit_shards(
        shards,
        contents,
        indices.catalogue(ids, warehouse.load("songs"), warehouse.load("genres")),
        together=settings.two_tower,
        spark=spark,
        kept=warehouse.path(f"models/{estimator.name}/"),
    )
    return fitted


def _checkpoints(
    warehouse: Warehouse, settings: Settings, entry: registry.Entry, contents: Manifest | None
) -> Path:
    """The folder of this very training."""
    governed_by = {
        "rows": publication.train_identity(warehouse),
        "shards": contents.model_dump() if contents else None,
        "seed": settings.seed,
        "code": provenance.code(__file__, entry.module),
        **settings.of(entry.name),
    }
    return checkpoints.of_training(warehouse.path(f"models/{entry.name}/checkpoints/"), governed_by)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job by its arguments; return its exit code."""
    arguments = cli.parser(__doc__)
    arguments.add_argument(
        "--model",
        action="append",
        required=True,
        choices=registry.NAMES,
        help="the model to fit; several may be named, which share what they read",
    )
    options = arguments.parse_args(argv)
    packed: Packed = {}
    chosen = {
        stages.of_model(name).name: partial(run, model=name, packed=packed)
        for name in registry.NAMES
        if name in options.model
    }
    name = next(iter(chosen)) if len(chosen) == 1 else "train"
    return cli.stages_main(name, __file__, chosen, options)


if __name__ == "__main__":
    sys.exit(main())
