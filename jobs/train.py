"""ratings, shards/, a fallback -> NAME_*, models, predictions: fit the models that are named."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.models import registry
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.pipeline import cli, fitting, provenance, publication
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Trained
from ymr_spark.shards import indices, inventory
from ymr_spark.shards.inventory import Inventory

log = logging.getLogger(__name__)
# What models of one run share, by the version of the ratings.
PackedByVersion = dict[int, TrainRatings]


def run(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    model: str,
    packed: PackedByVersion | None = None,
) -> Trained:
    """Fit a model to the train rows; publish it with its predictions for all others."""
    entry = registry.named(model)
    contents = _verified_shards(warehouse) if entry.deep else None
    values = fitting.values(model, warehouse, settings)
    estimator = fitting.estimator(
        model,
        values,
        settings.seed,
        warehouse.path(f"models/{model}/checkpoints/"),
        rows=asdict(publication.train_identity(warehouse)),
        shards=contents.model_dump() if contents else None,
        code=provenance.code(__file__, entry.module),
    )
    if entry.fallback:
        estimator.setFallback(LinearModel(publication.load_factors(warehouse, entry.fallback)))
    log.info("fitting %s", model)
    if contents is None:
        fit = partial(_classical, spark, warehouse, estimator, packed)
    else:
        fit = partial(_deep, spark, warehouse, settings, estimator, contents)
    fitted, seconds = fitting.timed(fit)
    log.info("fitted %s in %.0f s", model, seconds)
    return publication.publish(spark, warehouse, fitted, fit_seconds=seconds, parameters=values)


def _classical(
    spark: SparkSession, warehouse: Warehouse, estimator: Any, packed: PackedByVersion | None
) -> RatingModel[Any]:
    fitted: RatingModel[Any] = estimator.fit_ratings(_ratings(spark, warehouse, estimator, packed))
    return fitted


def _ratings(
    spark: SparkSession, warehouse: Warehouse, estimator: Any, packed: PackedByVersion | None
) -> TrainRatings:
    version, packed = warehouse.pin("ratings"), {} if packed is None else packed
    if version not in packed:
        rows = warehouse.read(spark, "ratings").where(F.col("split") != "test")
        rows = rows.withColumn(fitting.VALIDATION, F.col("split") == "validation")
        packed[version] = estimator.ratings_of(rows)
    return packed[version]


def _verified_shards(warehouse: Warehouse) -> Inventory:
    return inventory.verify(warehouse.path("shards/"), warehouse.pin("ratings"))


def _deep(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    estimator: Any,
    contents: Inventory,
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job by its arguments; return its exit code."""
    packed: PackedByVersion = {}
    return cli.models_main("train", __doc__, __file__, partial(run, packed=packed), argv)


if __name__ == "__main__":
    sys.exit(main())
