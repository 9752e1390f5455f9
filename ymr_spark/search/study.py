"""A search by Optuna that can be killed at any time and ends as if it had not been."""

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from ymr_spark import seeds
from ymr_spark.errors import SettingsError
from ymr_spark.records.learning_curve import Curve, Point

log = logging.getLogger(__name__)
optuna.logging.set_verbosity(optuna.logging.WARNING)

Parameters = dict[str, Any]
# A trial that has no finite error counts as tried: the sampler holds it for the worst.
_TRIED = (TrialState.COMPLETE, TrialState.PRUNED)
_RANDOM_TRIALS = 5


@dataclass(frozen=True)
class Trial:
    """One choice of hyperparameters, and what cross-validation says of each epoch."""

    parameters: Parameters
    curve: Curve  # of `across_folds`

    @property
    def best(self) -> Point | None:
        """The epoch of least validation MSE; None where no epoch has one."""
        judged = [point for point in self.curve if point.validation_mse is not None]
        return min(judged, key=_error, default=None)


def search(
    journal: Path,
    space: Mapping[str, BaseDistribution],
    first: Sequence[Parameters],
    curves: Callable[[Parameters], Sequence[Curve]],
    *,
    trials: int,
    seed: int,
) -> list[Trial]:
    """Try the points of `first`, then those that a tree-structured Parzen estimator proposes.

    What it proposes follows from the finished trials and the seed alone: a search that continues
    from its journal finds the same as one that was never interrupted.

    Args:
        journal: a file of this very search.
        curves: fits with these hyperparameters, one curve per fold, all of one length.
        trials: those tried in all; more than before goes on with the search.
    """
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(journal))),
        study_name="search",
        load_if_exists=True,
    )
    for killed in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(killed.number, state=TrialState.FAIL)
    tried = _tried(study)
    while len(tried) < trials:
        _try_next(study, space, first, curves, seed, tried)
        tried = _tried(study)
    return tried[:trials]


def best(trials: Sequence[Trial]) -> tuple[Parameters, Point]:
    """The hyperparameters of least validation MSE, and the epoch that has it.

    Raises:
        SettingsError: no trial has a finite error.
    """
    judged = [(trial.parameters, trial.best) for trial in trials if trial.best is not None]
    if not judged:
        raise SettingsError(
            f"search: none of {len(trials)} trials has a finite validation error, such as that by "
            f"{json.dumps(trials[0].parameters)}; set other ranges in the section search"
        )
    return min(judged, key=lambda found: _error(found[1]))


def _try_next(
    study: optuna.Study,
    space: Mapping[str, BaseDistribution],
    first: Sequence[Parameters],
    curves: Callable[[Parameters], Sequence[Curve]],
    seed: int,
    tried: list[Trial],
) -> None:
    number = len(tried)
    if number < len(first) and not study.get_trials(states=(TrialState.WAITING,)):
        study.enqueue_trial(first[number])
    # A sampler's random state does not survive a kill: every trial has one of its own.
    study.sampler = TPESampler(
        seed=seeds.of(seed, number), n_startup_trials=_RANDOM_TRIALS, constant_liar=False
    )
    asked = study.ask(dict(space))
    known = [trial.curve for trial in tried if trial.parameters == asked.params]
    curve = known[0] if known else across_folds(curves(asked.params))
    asked.set_user_attr("curve", [point.model_dump(exclude_unset=True) for point in curve])
    found = Trial(asked.params, curve).best
    if found is None:
        study.tell(asked, state=TrialState.PRUNED)
    else:
        study.tell(asked, found.validation_mse)
    log.info("trial %d: %s by %s", number, _described(found), json.dumps(asked.params))


def _described(found: Point | None) -> str:
    if found is None:
        return "no finite validation error"
    return f"validation {found.validation_mse:.4f} in epoch {found.epoch}"


def _tried(study: optuna.Study) -> list[Trial]:
    found = study.get_trials(deepcopy=False, states=_TRIED)
    return [Trial(t.params, [Point(**point) for point in t.user_attrs["curve"]]) for t in found]


def across_folds(curves: Sequence[Curve]) -> Curve:
    """Means over folds by epoch; None for what is no finite number."""
    train, validation = (
        np.array([[getattr(point, key) for point in curve] for curve in curves], float)
        for key in ("train_mse", "validation_mse")
    )
    with np.errstate(invalid="ignore"):
        means = train.mean(axis=0), validation.mean(axis=0), validation.std(axis=0)
    return [
        Point(epoch=epoch, train_mse=train, validation_mse=validation, fold_sd=spread)
        for epoch, (train, validation, spread) in enumerate(
            (map(_finite, point) for point in zip(*means, strict=True)), start=1
        )
    ]


def _error(point: Point) -> float:
    return math.inf if point.validation_mse is None else point.validation_mse


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
