"""packed ratings or shards/, a fallback -> NAME_*, models, predictions: fit models by name."""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.models import registry
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.pipeline import cli, fitting, packed_tables, provenance, publication, starts
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import with_scale
from ymr_spark.records.figures import Trained
from ymr_spark.runtime import barrier
from ymr_spark.shards import indices, inventory
from ymr_spark.shards.inventory import Inventory

log = logging.getLogger(__name__)


def run(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    model: str,
) -> Trained:
    """Fit a model to the train rows, in the end to the validation rows, too; publish it with its
    predictions for all others."""
    entry = registry.named(model)
    if entry.deep and settings.two_tower.workers > 1:
        barrier.require(spark, settings.two_tower.workers)
    contents = _verified_shards(warehouse) if entry.deep else None
    values = fitting.values(model, warehouse, settings)
    begin = starts.last(warehouse, entry) if entry.warm and settings.warm_start else None
    estimator = fitting.estimator(
        model,
        values,
        settings.seed,
        warehouse.path(f"models/{model}/checkpoints/"),
        rows=asdict(publication.train_identity(warehouse)),
        shards=contents.model_dump() if contents else None,
        start=begin and begin.digest,
        code=provenance.code(__file__, entry.module),
    )
    finally_too = settings.final_fit != "none" and "validation" in publication.identities(warehouse)
    if contents is None:
        ways = _classical(_ratings(spark, warehouse), estimator)
    else:
        ways = _deep(spark, warehouse, settings, estimator, contents, finally_too)
    if entry.fallback:
        estimator.setFallback(LinearModel(publication.load_chosen(warehouse, entry.fallback)))
    if begin:
        estimator.setStart(begin.content)
        log.info("%s begins with what %s have told", model, begin.rows)
    log.info("fitting %s", model)
    chosen, seconds = fitting.timed(ways.fit)
    log.info("fitted %s in %.0f s", model, seconds)
    if entry.chosen:
        publication.keep_chosen(warehouse, chosen)
    final, started = None, time.monotonic()
    if finally_too:
        if entry.fallback:
            estimator.setFallback(LinearModel(publication.load_factors(warehouse, entry.fallback)))
        final = (ways.refit if settings.final_fit == "refit" else ways.update)(chosen)
        log.info("fitted %s to the validation rows, too", model)
    trained = publication.publish(
        spark,
        warehouse,
        chosen,
        final,
        fit_seconds=seconds,
        final_fit_seconds=time.monotonic() - started,
        parameters=values,
    )
    if entry.warm and settings.warm_start:
        starts.keep(warehouse, entry, (final or chosen).found, trained)
    if begin:
        return trained.model_copy(update={"told": trained.told | {"began_with": begin.rows}})
    return trained


@dataclass(frozen=True)
class Ways:
    """To fit a model to the train rows, and from there to all."""

    fit: Callable[[], RatingModel[Any]]
    refit: Callable[[RatingModel[Any]], RatingModel[Any]]
    update: Callable[[RatingModel[Any]], RatingModel[Any]]


def _classical(ratings: TrainRatings, estimator: Any) -> Ways:
    return Ways(
        partial(estimator.fit_ratings, ratings),
        partial(estimator.refit, ratings=ratings),
        partial(estimator.update, ratings=ratings),
    )


def _ratings(spark: SparkSession, warehouse: Warehouse) -> TrainRatings:
    rows = warehouse.read(spark, "ratings").where(F.col("split") != "test")
    rating, held = F.col("rating").cast("double"), F.col("split") == "validation"
    rows = rows.select("user_id", "song_id", rating.alias("rating"), held.alias("held_out"))
    scale, packed = warehouse.scale(), packed_tables.layouts(spark, warehouse)
    return TrainRatings.of_numbers(with_scale(rows, scale), scale, packed)


def _verified_shards(warehouse: Warehouse) -> Inventory:
    return inventory.verify(warehouse.path("shards/"), warehouse.rows_version("ratings"))


def _deep(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    estimator: Any,
    contents: Inventory,
    finally_too: bool,
) -> Ways:
    shards = warehouse.path("shards/")
    songs = warehouse.load("songs"), warehouse.load("genres")
    common: dict[str, Any] = {
        "shards": shards,
        "contents": contents,
        "songs": indices.catalogue(indices.load(shards / "indices"), *songs),
        "together": settings.two_tower,
    }
    kept = warehouse.path(f"models/{estimator.name}/")
    return Ways(
        partial(estimator.fit_shards, **common, spark=spark, kept=None if finally_too else kept),
        partial(estimator.refit_shards, **common, spark=spark, kept=kept),
        partial(estimator.update_shards, **common, kept=kept),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job by its arguments; return its exit code."""
    return cli.models_main("train", __doc__, __file__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
