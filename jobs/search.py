"""ratings -> search: a model's hyperparameters by cross-validation on a sample of users."""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import checkpoints, cli, provenance
from ymr_spark.publication import train_identity
from ymr_spark.search import classical, folds, study
from ymr_spark.search.folds import Fold
from ymr_spark.search.study import Curve, Parameters, Trial
from ymr_spark.settings import Settings
from ymr_spark.warehouse import Warehouse

log = logging.getLogger(__name__)
# Published for R2, with Keras' own accumulator; see docs/training.md.
PUBLISHED = {"learning_rate": 0.3, "initial_accumulator": 0.1}


@dataclass(frozen=True)
class Contestant:
    """What to try: ranges, points that come first, and one learning curve per fold."""

    space: dict[str, BaseDistribution]
    first: list[Parameters]
    curves: Callable[[Parameters], list[Curve]]


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Search for the model that the settings name, and write its trials' learning curves."""
    section = settings.search
    train = warehouse.read(spark, "ratings").where(F.col("split") == "train")
    sample = folds.of_users(train, section.sample_ratings / train.count(), settings.seed)
    parts = folds.cut(sample, section.folds, settings.seed)
    rows = sum(len(part.held_out.stars) for part in parts)
    log.info("%d ratings, %d folds", rows, section.folds)
    contestant = CONTESTANTS[section.model](parts, settings)
    trials = study.search(
        _journal(warehouse, settings),
        contestant.space,
        contestant.first,
        contestant.curves,
        trials=section.trials,
        seed=settings.seed,
    )
    parameters, best = study.best(trials)
    warehouse.save(_table(section.model, trials), "search", where={"model": section.model})
    log.info("best: %s with %s", json.dumps(parameters), best)
    return {"rows": rows, "model": section.model, "best": best | {"parameters": parameters}}


def _als(parts: list[Fold], settings: Settings) -> Contestant:
    ready = [classical.prepared(part, settings.bias.model_dump()) for part in parts]
    section = settings.als.model_dump()

    def curves(parameters: Parameters) -> list[Curve]:
        chosen = section | parameters
        return [classical.als_curve(fold, **chosen, seed=settings.seed) for fold in ready]

    space = {
        "rank": IntDistribution(*settings.search.ranks, log=True),
        "regularization": FloatDistribution(*settings.search.regularizations, log=True),
    }
    return Contestant(space, [{name: section[name] for name in space}], curves)


def _latent_factor(parts: list[Fold], settings: Settings) -> Contestant:
    ready = [classical.prepared(part, settings.bias.model_dump()) for part in parts]
    section = settings.latent_factor

    def curves(parameters: Parameters) -> list[Curve]:
        fixed = {"max_iterations": section.max_iterations, "seed": settings.seed}
        return [classical.latent_factor_curve(fold, **parameters, **fixed) for fold in ready]

    space: dict[str, BaseDistribution] = {"rank": IntDistribution(*settings.search.ranks)}
    return Contestant(space, [{"rank": section.rank}], curves)


def _two_tower(parts: list[Fold], settings: Settings) -> Contestant:
    # TensorFlow takes seconds to import, which the other models should not cost.
    from ymr_spark.models import two_tower_search

    options = settings.search
    section = getattr(settings, options.model).model_dump(exclude={"patience"})
    if "attributes" in section:  # folds have users and songs only
        section["attributes"] = []
    fixed = section | {"max_epochs": options.max_epochs, "seed": settings.seed}

    def curves(parameters: Parameters) -> list[Curve]:
        return [
            two_tower_search.curve(
                options.model, part.train.columns, part.held_out.columns, **fixed | parameters
            )
            for part in parts
        ]

    space: dict[str, BaseDistribution] = {
        "learning_rate": FloatDistribution(*options.learning_rates, log=True),
        "initial_accumulator": FloatDistribution(*options.initial_accumulators, log=True),
    }
    return Contestant(space, [{name: section[name] for name in space}, PUBLISHED], curves)


CONTESTANTS = {
    "als": _als,
    "latent_factor": _latent_factor,
    "two_tower_dot": _two_tower,
    "two_tower_mlp": _two_tower,
}


def _journal(warehouse: Warehouse, settings: Settings) -> Path:
    """The file of this very search; more trials are the same search."""
    section = settings.search
    governed_by = {
        "rows": train_identity(warehouse),
        "seed": settings.seed,
        "code": provenance.code(__file__),
        "search": section.model_dump(exclude={"trials"}),
        "models": settings.model_dump(
            mode="json", include={"bias", "als", "latent_factor", "two_tower_dot", "two_tower_mlp"}
        ),
    }
    folder = warehouse.path(f"models/search/{section.model}/")
    return checkpoints.of_training(folder, governed_by) / "journal.log"


def _table(model: str, trials: list[Trial]) -> list[dict[str, Any]]:
    return [
        {"model": model, "trial": number, "parameters": json.dumps(trial.parameters), **point}
        for number, trial in enumerate(trials)
        for point in trial.curve
    ]


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("search", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
