"""ratings -> search: a model's hyperparameters by cross-validation on a sample of users."""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.models import registry
from ymr_spark.models.registry import Entry
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.pipeline import checkpoints, cli, fitting, provenance
from ymr_spark.pipeline.publication import train_identity
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import COLUMNS
from ymr_spark.records import figures
from ymr_spark.records.learning_curve import Curve
from ymr_spark.search import folds, space, study
from ymr_spark.search.lists import listed, listeners
from ymr_spark.search.study import Parameters, Trial
from ymr_spark.store.locations import Location

log = logging.getLogger(__name__)
_JUDGED = {"epoch", "train_mse", "validation_mse", "validation_ndcg", "fold_sd"}


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> figures.Searched:
    """Search for the model that the settings name, and write its trials' learning curves."""
    section = settings.search
    entry, values = registry.named(section.model), settings.of(section.model)
    train = warehouse.read(spark, "ratings").where(F.col("split") == "train").select(*COLUMNS)
    sample = folds.of_users(train, section.sample_ratings / train.count(), settings.seed)
    parts = folds.cut(sample, section.folds, settings.seed)
    rows = sum(len(part.validation_arrays.stars) for part in parts)
    log.info("%d ratings, %d folds", rows, section.folds)
    given = {chosen.setting: values[chosen.setting] for chosen in entry.tuned}
    trials = study.search(
        _journal(warehouse, settings, entry),
        space.of(entry.tuned, section),
        [given],
        [_curves(parts, settings, entry)],
        trials=section.trials,
        seed=settings.seed,
    )
    parameters, best = study.best(trials)[0]
    warehouse.save(_table(section.model, trials), "search", where={"model": section.model})
    log.info("best: %s with %s", json.dumps(parameters), best)
    best_epoch = figures.Best(**best.model_dump(), parameters=parameters)
    return figures.Searched(rows=rows, model=section.model, best=best_epoch)


def _curves(
    parts: Sequence[TrainRatings], settings: Settings, entry: Entry
) -> Callable[[Parameters], list[Curve]]:
    """What fits with the parameters to each fold: of models that predict stars from the fold's own
    bias model."""
    common = {**fitting.COLUMNS, "seed": settings.seed}
    fixed = settings.of(entry.name)
    fixed |= {"max_epochs": settings.search.max_epochs} if entry.deep else {}

    def estimator(parameters: Parameters) -> Any:
        return registry.imported(entry.estimator).of_settings(fixed | parameters, **common)

    if not entry.rates:
        asked = [listeners(part.layouts.by_user, settings.seed) for part in parts]
        return lambda parameters: [
            listed(estimator(parameters).fit_ratings(part), users)
            for part, users in zip(parts, asked, strict=True)
        ]
    bias = registry.imported(registry.named("bias").estimator)
    bases = [bias.of_settings(settings.of("bias"), **common).fit_ratings(part) for part in parts]
    return lambda parameters: [
        estimator(parameters).setFallback(base).curve(part)
        for base, part in zip(bases, parts, strict=True)
    ]


def _journal(warehouse: Warehouse, settings: Settings, entry: Entry) -> Location:
    """The file of this very search; more trials are the same search."""
    section = settings.search
    governed_by = {
        "rows": asdict(train_identity(warehouse)),
        "seed": settings.seed,
        "code": provenance.code(__file__, entry.module),
        "search": section.model_dump(exclude={"trials"}),
        "models": {name: settings.of(name) for name in {"bias", entry.name}},
    }
    folder = warehouse.path(f"models/search/{section.model}/")
    return checkpoints.of_training(folder, governed_by) / "journal.log"


def _table(model: str, trials: list[Trial]) -> list[dict[str, Any]]:
    return [
        {"model": model, "trial": number, "parameters": json.dumps(trial.parameters)}
        | point.model_dump(include=_JUDGED)
        for number, trial in enumerate(trials)
        for point in trial.curve
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("search", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
