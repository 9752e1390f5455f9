"""packed ratings or shards/, a fallback -> NAME_*, models, predictions: fit models by name."""

import logging
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.models import registry
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.pipeline import cli, deep_fits, fitting, packed_tables, provenance, publication
from ymr_spark.pipeline.deep_fits import Fits
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import with_scale
from ymr_spark.records.figures import Trained
from ymr_spark.runtime.side_by_side import SideBySide

log = logging.getLogger(__name__)


def run(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    model: str,
    begun: "Future[Fits] | None" = None,
) -> Trained:
    """Fit a model to the train rows, in the end to the validation rows, too; publish it with its
    predictions for all others.

    Args:
        begun: what `begin` returned.
    """
    log.info("fitting %s", model)
    entry = registry.named(model)
    if begun is not None:
        fits = begun.result()
    elif entry.deep:
        fits = deep_fits.fit(warehouse, settings, model, _code(model), spark)
    else:
        fits = _fits(spark, warehouse, settings, model)
    log.info("fitted %s in %.0f + %.0f s", model, fits.fit_seconds, fits.final_fit_seconds)
    if entry.chosen:
        publication.keep_chosen(warehouse, fits.chosen)
    return publication.publish(
        spark,
        warehouse,
        fits.chosen,
        fits.final,
        fit_seconds=fits.fit_seconds,
        final_fit_seconds=fits.final_fit_seconds,
        parameters=fitting.values(model, warehouse, settings),
    )


def begin(
    warehouse: Warehouse, settings: Settings, model: str, run_id: str, beside: SideBySide
) -> "Future[Fits] | None":
    """Begin to fit a model that needs no Spark, beside others; None of any other."""
    if not registry.named(model).deep or settings.two_tower.workers > 1:
        return None
    given = warehouse, settings, model, _code(model), run_id
    return beside.begin(deep_fits.in_own_process, *given)


def _code(model: str) -> str:
    return provenance.code(__file__, registry.named(model).module)


def _fits(spark: SparkSession, warehouse: Warehouse, settings: Settings, model: str) -> Fits:
    entry, ratings = registry.named(model), _ratings(spark, warehouse)
    estimator = fitting.estimator(
        model,
        fitting.values(model, warehouse, settings),
        settings.seed,
        warehouse.path(f"models/{model}/checkpoints/"),
        rows=asdict(publication.train_identity(warehouse)),
        shards=None,
        code=_code(model),
    )
    if entry.fallback:
        estimator.setFallback(LinearModel(publication.load_chosen(warehouse, entry.fallback)))
    chosen, seconds = fitting.timed(lambda: estimator.fit_ratings(ratings))
    final, started = None, time.monotonic()
    if fitting.finally_too(warehouse, settings):
        if entry.fallback:
            estimator.setFallback(LinearModel(publication.load_factors(warehouse, entry.fallback)))
        again = estimator.refit if settings.final_fit == "refit" else estimator.update
        final = again(chosen, ratings=ratings)
    return Fits(chosen, final, seconds, time.monotonic() - started)


def _ratings(spark: SparkSession, warehouse: Warehouse) -> TrainRatings:
    rows = warehouse.read(spark, "ratings").where(F.col("split") != "test")
    rating, held = F.col("rating").cast("double"), F.col("split") == "validation"
    rows = rows.select("user_id", "song_id", rating.alias("rating"), held.alias("held_out"))
    scale, packed = warehouse.scale(), packed_tables.layouts(spark, warehouse)
    return TrainRatings.of_numbers(with_scale(rows, scale), scale, packed)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job by its arguments; return its exit code."""
    return cli.models_main("train", __doc__, __file__, run, argv, begin)


if __name__ == "__main__":
    sys.exit(main())
