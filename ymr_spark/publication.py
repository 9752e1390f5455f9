"""What every training job does with a fitted model: tables, predictions, registry, figures."""

import time
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark import strict_json
from ymr_spark.errors import DataContractError
from ymr_spark.models import artifacts
from ymr_spark.models.factors import FactorModel
from ymr_spark.models.mlp import MlpModel
from ymr_spark.runs import latest_manifest
from ymr_spark.warehouse import Warehouse


def publish(
    spark: SparkSession,
    warehouse: Warehouse,
    model: FactorModel | MlpModel,
    fallback: FactorModel | None,
    *,
    fit_seconds: float,
    parameters: dict[str, Any],
) -> dict[str, Any]:
    """Write the model's tables and its predictions for all validation and test rows.

    Rows that the model does not know are flagged, and scored by `fallback` where there is one.

    Returns:
        Figures for the manifest: rows predicted, fit and predict seconds, parameters.
    """
    for part, rows in artifacts.tables(model).items():
        warehouse.save(rows, f"{model.name}_{part}")
    predictions = artifacts.predict(held_out(spark, warehouse), model, fallback)
    return publish_predictions(
        warehouse,
        model,
        predictions,
        fallback=fallback.name if fallback is not None else None,
        fit_seconds=fit_seconds,
        parameters=parameters,
    )


def publish_predictions(
    warehouse: Warehouse,
    model: FactorModel | MlpModel,
    predictions: DataFrame,
    *,
    fallback: str | None,
    fit_seconds: float,
    parameters: dict[str, Any],
) -> dict[str, Any]:
    """Write a model's predictions of all rows of `held_out`, and register it.

    Args:
        model: the model, or for one of another form the factor model that it starts from, under
            the name to publish.
        fallback: the model that scored the rows that are flagged.

    Returns:
        As `publish`.
    """
    started = time.monotonic()
    warehouse.write(predictions, "predictions", where={"model": model.name})
    train_rows, train_hash = train_identity(warehouse)
    registration = {
        "model": model.name,
        "mean": model.mean,
        "lowest": model.lowest,
        "highest": model.highest,
        "link": model.link,
        "fallback": fallback,
        "train_rows": train_rows,
        "train_hash": train_hash,
        "ratings_version": warehouse.pin("ratings"),
        "fit_seconds": fit_seconds,
        "parameters": strict_json.dumps(parameters, sort_keys=True),
    }
    warehouse.save([registration], "models", where={"model": model.name})
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


def load(warehouse: Warehouse, name: str) -> FactorModel:
    """The published model of that name, one of schemas.FACTOR_MODELS.

    Raises:
        DataContractError: no such model has been published.
    """
    row = registered(warehouse, name)
    users, songs = (warehouse.load(f"{name}_{part}") for part in ("users", "songs"))
    return artifacts.from_tables(name, row["mean"], _scale(row), users, songs)


def load_mlp(warehouse: Warehouse) -> MlpModel:
    """The published `two_tower_mlp`; raises as `load`."""
    name = "two_tower_mlp"
    row = registered(warehouse, name)
    parts = (warehouse.load(f"{name}_{part}") for part in ("users", "songs", "layers"))
    return artifacts.mlp_from_tables(name, row["mean"], _scale(row), *parts)


def registered(warehouse: Warehouse, name: str) -> dict[str, Any]:
    """The schemas.MODELS row of a published model; raises as `load`."""
    rows = all_registered(warehouse)
    if name not in rows:
        raise DataContractError(f"table models: no model {name}; train it first")
    return rows[name]


def all_registered(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """The schemas.MODELS rows of all published models, by their names."""
    return {row["model"]: row for row in warehouse.load("models").to_pylist()}


def _scale(registered: Mapping[str, Any]) -> artifacts.Scale:
    return registered["lowest"], registered["highest"], registered["link"]


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
