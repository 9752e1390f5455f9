"""Fitted models in the pipeline: their tables, predictions and rows of `models`, and back."""

import time
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark import strict_json
from ymr_spark.errors import DataContractError
from ymr_spark.models import registry
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.scorer import Scorer
from ymr_spark.pipeline.runs import latest_manifest
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.scale import Scale


def publish(
    spark: SparkSession,
    warehouse: Warehouse,
    model: RatingModel[Any],
    *,
    fit_seconds: float,
    parameters: dict[str, Any],
) -> dict[str, Any]:
    """Write a model's tables and its predictions for all validation and test rows; register it.

    Args:
        model: its columns are those of the table of ratings.

    Returns:
        Figures for the manifest: rows predicted, fit and predict seconds, parameters.
    """
    scorer = model.scorer
    entry = registry.named(scorer.name)
    for part, rows in model.tables().items():
        if part in entry.form.parts:
            write = warehouse.write if isinstance(rows, DataFrame) else warehouse.save
            write(rows, f"{entry.name}_{part}")
    started = time.monotonic()
    predictions = model.transform(held_out(spark, warehouse)).withColumn("model", F.lit(entry.name))
    warehouse.write(predictions, "predictions", where={"model": entry.name})
    train_rows, train_hash = train_identity(warehouse)
    registration = {
        "model": entry.name,
        "mean": scorer.mean,
        "lowest": scorer.scale.lowest,
        "highest": scorer.scale.highest,
        "step": scorer.scale.step,
        "link": scorer.link,
        "fallback": entry.fallback,
        "train_rows": train_rows,
        "train_hash": train_hash,
        "ratings_version": warehouse.pin("ratings"),
        "fit_seconds": fit_seconds,
        "parameters": strict_json.dumps(parameters, sort_keys=True),
    }
    warehouse.save([registration], "models", where={"model": entry.name})
    return {
        "rows": train_rows,
        "train_hash": train_hash,
        "fit_seconds": round(fit_seconds, 1),
        "predict_seconds": round(time.monotonic() - started, 1),
        "parameters": parameters,
    }


def held_out(spark: SparkSession, warehouse: Warehouse) -> DataFrame:
    """The validation and test ratings that every model predicts."""
    return warehouse.read(spark, "ratings").where(F.col("split") != "train")


def load(warehouse: Warehouse, name: str) -> Scorer:
    """The arrays of a published model that is kept as such.

    Raises:
        DataContractError: no such model has been published.
    """
    row, entry = registered(warehouse, name), registry.named(name)
    if entry.form.scorer is None:
        raise DataContractError(f"model {name}: it is not kept as arrays that score pairs")
    tables = {part: warehouse.load(f"{name}_{part}") for part in entry.form.parts}
    arrays: type[Scorer] = registry.imported(entry.form.scorer)
    return arrays.of_tables(name, row["mean"], _scale(row), row["link"], tables)


def load_factors(warehouse: Warehouse, name: str) -> FactorModel:
    """The published model of that name, one of registry.RANKING; raises as `load`."""
    scorer = load(warehouse, name)
    assert isinstance(scorer, FactorModel)
    return scorer


def registered(warehouse: Warehouse, name: str) -> dict[str, Any]:
    """The schemas.MODELS row of a published model; raises as `load`."""
    rows = all_registered(warehouse)
    if name not in rows:
        raise DataContractError(f"table models: no model {name}; train it first")
    return rows[name]


def all_registered(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """The schemas.MODELS rows of all published models, by their names."""
    return {row["model"]: row for row in warehouse.load("models").to_pylist()}


def train_identity(warehouse: Warehouse) -> tuple[int, str]:
    """Rows and content hash of the train split at the pinned version of the ratings.

    Raises:
        DataContractError: the pinned version is not the one that ingest measured.
    """
    splits = identities(warehouse)
    return splits["train"]["rows"], splits["train"]["hash"]


def identities(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """Rows and content hash of each split, as ingest measured them on the committed table."""
    manifest = latest_manifest("ingest", warehouse)
    version = warehouse.pin("ratings")
    if manifest is None or manifest["ratings_version"] != version:
        raise DataContractError(
            f"{warehouse.path('ratings')}: version {version} is not the one that ingest "
            "measured; run jobs/ingest.py --force"
        )
    splits: dict[str, dict[str, Any]] = manifest["splits"]
    return splits


def _scale(registered: Mapping[str, Any]) -> Scale:
    return Scale(registered["lowest"], registered["highest"], registered["step"])
