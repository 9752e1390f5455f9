"""A two-tower model fitted to the shards of a warehouse, without Spark: in any process."""

import gc
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from pyspark.sql import SparkSession

from ymr_spark.models import registry
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.pipeline import fitting, publication
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.runtime import logs
from ymr_spark.shards import indices, inventory


@dataclass(frozen=True)
class Fits:
    """Attributes:
    chosen: fitted to the train rows.
    final: to the validation rows, too; None where there is none.
    """

    chosen: RatingModel[Any]
    final: RatingModel[Any] | None
    fit_seconds: float
    final_fit_seconds: float


def in_own_process(
    warehouse: Warehouse, settings: Settings, model: str, code: str, run_id: str
) -> Fits:
    """`fit`, telling of it as a job of its own."""
    logs.configure(settings.logs, f"train_{model}", run_id)
    import_module("ymr_spark.models.two_tower.training")
    # TensorFlow has some hundred thousand objects, which each collection would look through.
    gc.freeze()
    return fit(warehouse, settings, model, code)


def fit(
    warehouse: Warehouse,
    settings: Settings,
    model: str,
    code: str,
    spark: SparkSession | None = None,
) -> Fits:
    """Fit a model to the train rows, and by `final_fit` to all.

    Args:
        code: hash of what fits it.
        spark: to start several workers by, where there are to be such.

    Raises:
        DataContractError: there are no shards, or they are not those of the ratings.
    """
    entry, kept = registry.named(model), warehouse.path(f"models/{model}/")
    shards = warehouse.path("shards/")
    contents = inventory.verify(shards, warehouse.pin("ratings"))
    estimator = fitting.estimator(
        model,
        fitting.values(model, warehouse, settings),
        settings.seed,
        warehouse.path(f"models/{model}/checkpoints/"),
        rows=asdict(publication.train_identity(warehouse)),
        shards=contents.model_dump(),
        code=code,
    )
    songs = warehouse.load("songs"), warehouse.load("genres")
    common: dict[str, Any] = {
        "shards": shards,
        "contents": contents,
        "songs": indices.catalogue(indices.load(shards / "indices"), *songs),
        "together": settings.two_tower,
    }
    finally_too = fitting.finally_too(warehouse, settings)
    if entry.fallback:
        estimator.setFallback(LinearModel(publication.load_chosen(warehouse, entry.fallback)))
    chosen, seconds = fitting.timed(
        lambda: estimator.fit_shards(**common, spark=spark, kept=None if finally_too else kept)
    )
    final, started = None, time.monotonic()
    if finally_too:
        if entry.fallback:
            estimator.setFallback(LinearModel(publication.load_factors(warehouse, entry.fallback)))
        if settings.final_fit == "refit":
            final = estimator.refit_shards(chosen, **common, spark=spark, kept=kept)
        else:
            final = estimator.update_shards(chosen, **common, kept=kept)
    for fitted in filter(None, (chosen, final)):
        vars(fitted).pop("network")  # TensorFlow's, of this process
    return Fits(chosen, final, seconds, time.monotonic() - started)
