"""Fitted models in the pipeline: their tables, predictions and rows of `models`, and back."""

import time
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from ymr_spark import strict_json
from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.models import registry
from ymr_spark.models.arrays import Link
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.scorer import Scorer
from ymr_spark.pipeline import manifests, predicting
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Ingested, Trained
from ymr_spark.records.record import Record
from ymr_spark.scale import Scale
from ymr_spark.store import atomically


class Registration(Record):
    """A published model: a schemas.MODELS row."""

    model: str
    mean: float  # added to every score
    lowest: float  # stars; the scale, at whose ends predictions end
    highest: float
    step: float
    link: Link  # how scores become stars: clip or logistic
    fallback: str | None  # the model that scores rows which this one does not know
    train_rows: int  # of the final fit
    train_hash: str
    chosen_on_rows: int  # of the fit that the validation rows have judged
    chosen_on_hash: str
    ratings_version: int  # Delta version of the ratings table
    fit_seconds: float
    parameters: str  # JSON

    @property
    def scale(self) -> Scale:
        """Of the ratings."""
        return Scale(self.lowest, self.highest, self.step)

    @property
    def fitted_to(self) -> Identity:
        """The rows of the final fit."""
        return Identity(self.train_rows, self.train_hash)

    @property
    def chosen_on(self) -> Identity:
        """The rows of the fit that the validation rows have judged."""
        return Identity(self.chosen_on_rows, self.chosen_on_hash)

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of the final fit."""
        return ("train",) if self.fitted_to == self.chosen_on else ("train", "validation")


def publish(
    spark: SparkSession,
    warehouse: Warehouse,
    chosen: RatingModel[Any],
    final: RatingModel[Any] | None,
    *,
    fit_seconds: float,
    final_fit_seconds: float,
    parameters: dict[str, Any],
) -> Trained:
    """Write a model's tables and its predictions, where it predicts stars, for all validation and
    test rows; register it.

    Args:
        chosen: fitted to the train rows; its columns are those of the table of ratings. It
            predicts the validation rows.
        final: fitted to the validation rows, too; None where there is none, and `chosen` is all.
    """
    model = final or chosen
    scorer = model.scorer
    entry = registry.named(scorer.name)
    for part, rows in model.tables().items():
        if part in entry.form.parts:
            table = f"{entry.name}_{part}"
            if isinstance(rows, DataFrame):
                warehouse.write(rows, table)
            else:
                warehouse.save(rows, table)
    started = time.monotonic()
    splits = identities(warehouse)
    train = splits["train"]
    fitted_to = train + splits["validation"] if final else train
    if entry.rates:
        by = {"validation": (chosen, train), "test": (model, fitted_to)}
        predicting.write(spark, warehouse, entry.name, by)
    registration = Registration(
        model=entry.name,
        mean=scorer.mean,
        lowest=scorer.scale.lowest,
        highest=scorer.scale.highest,
        step=scorer.scale.step,
        link=scorer.link,
        fallback=entry.fallback,
        train_rows=fitted_to.rows,
        train_hash=fitted_to.hash,
        chosen_on_rows=train.rows,
        chosen_on_hash=train.hash,
        ratings_version=warehouse.rows_version("ratings"),
        fit_seconds=fit_seconds + final_fit_seconds,
        parameters=strict_json.dumps(parameters, sort_keys=True),
    )
    warehouse.save([registration], "models", where={"model": entry.name})
    return Trained(
        rows=fitted_to.rows,
        model=entry.name,
        train_hash=fitted_to.hash,
        chosen_on=train,
        fit_seconds=round(fit_seconds, 1),
        final_fit_seconds=round(final_fit_seconds, 1),
        predict_seconds=round(time.monotonic() - started, 1),
        parameters=parameters,
        learning_curve=chosen.learning_curve,
        told=model.figures,
    )


def keep_chosen(warehouse: Warehouse, model: RatingModel[Any]) -> None:
    """Write the arrays of a fit to the train rows alone that others start from."""
    [file] = registry.named(model.scorer.name).chosen
    atomically.write(warehouse.path(file), model.scorer.as_npz())


def load_chosen(warehouse: Warehouse, name: str) -> Any:
    """The arrays that `keep_chosen` has written.

    Raises:
        DataContractError: nothing has been.
    """
    entry = registry.named(name)
    [file] = entry.chosen
    warehouse.require(file)
    kind = registry.imported(str(entry.form.scorer))
    return kind.of_npz(warehouse.path(file).read_bytes())


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
    return arrays.of_tables(name, row.mean, row.scale, row.link, tables)


def load_factors(warehouse: Warehouse, name: str) -> FactorModel:
    """The published model of that name, whose ratings are of factors; raises as `load`."""
    scorer: Any = load(warehouse, name)
    assert isinstance(scorer.rating, FactorModel)
    return scorer.rating


def registered(warehouse: Warehouse, name: str) -> Registration:
    """That of a published model; raises as `load`."""
    rows = all_registered(warehouse)
    if name not in rows:
        raise DataContractError(f"table models: no model {name}; train it first")
    return rows[name]


def all_registered(warehouse: Warehouse) -> dict[str, Registration]:
    """Those of all published models, by their names."""
    return {row["model"]: Registration(**row) for row in warehouse.load("models").to_pylist()}


def train_identity(warehouse: Warehouse) -> Identity:
    """That of the train split at the pinned version of the ratings.

    Raises:
        DataContractError: the pinned version is not the one that ingest measured.
    """
    return identities(warehouse)["train"]


def identities(warehouse: Warehouse) -> dict[str, Identity]:
    """That of each split, as ingest measured them on the committed table."""
    return ingested(warehouse).splits


def ingested(warehouse: Warehouse) -> Ingested:
    """What ingest has told of the ratings at their pinned version.

    Raises:
        DataContractError: the pinned version is not the one that ingest measured.
    """
    measured = manifests.told("ingest", warehouse, Ingested)
    version = warehouse.rows_version("ratings")
    if measured is None or measured.ratings_version != version:
        raise DataContractError(
            f"{warehouse.path('ratings')}: version {version} is not the one that ingest "
            "measured; run jobs/ingest.py --force"
        )
    return measured
