"""A search by Optuna that can be killed at any time and ends as if it had not been."""

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from ymr_spark.store import scratch
from ymr_spark.store.locations import Location

log = logging.getLogger(__name__)
optuna.logging.set_verbosity(optuna.logging.WARNING)

Parameters = dict[str, Any]
# Fits with these hyperparameters: one curve per fold, all of one length.
Curves = Callable[[Parameters], Sequence[Curve]]
# A trial that has no finite error counts as tried: the sampler holds it for the worst.
_TRIED = (TrialState.COMPLETE, TrialState.PRUNED)
_RANDOM_TRIALS = 5
# What similarity's damping that was best for 500,000 or a million of 74 M rows had ahead of the
# usual one was lost by 8.5 % of what its error fell by from there to all rows.
_DOUBT = 0.1


@dataclass(frozen=True)
class Trial:
    """One choice of hyperparameters, and what validation says of each epoch on its last rung."""

    parameters: Parameters
    curve: Curve  # of `across_folds`
    errors: tuple[float, ...] = ()  # the least `Point.error` on each rung that it came to

    @property
    def best(self) -> Point | None:
        """The epoch of least error; None where no epoch has one."""
        judged = [point for point in self.curve if point.error is not None]
        return min(judged, key=_error, default=None)


def search(
    journal: Location,
    space: Mapping[str, BaseDistribution],
    first: Sequence[Parameters],
    rungs: Sequence[Curves],
    *,
    trials: int,
    seed: int,
    reduction: int = 2,
) -> list[Trial]:
    """Try the points of `first`, then those that a tree-structured Parzen estimator proposes.

    Each is tried on the first rung, and on the next one if it is among the best `1 / reduction`
    of those so far (asynchronous successive halving: Li et al., A System for Massively Parallel
    Hyperparameter Tuning, 2020).

    What it proposes follows from the finished trials and the seed alone: a search that continues
    from its journal finds the same as one that was never interrupted.

    Args:
        journal: a file of this very search.
        rungs: of growing effort, such as samples of growing size.
        trials: those tried in all; more than before goes on with the search.
    """
    folder = scratch.Working(journal.parent)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder.path / journal.name))),
        study_name="search",
        load_if_exists=True,
    )
    for killed in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(killed.number, state=TrialState.FAIL)
    tried = _tried(study)
    while len(tried) < trials:
        _try_next(study, space, first, rungs, seed, reduction, tried)
        folder.publish()
        tried = _tried(study)
    return tried[:trials]


def best(trials: Sequence[Trial], beyond: float = 0.0) -> list[tuple[Parameters, Point]]:
    """The trials that came to the last rung that any came to, the best first: the hyperparameters
    of each and the epoch that has its least error.

    What a trial is ahead of the first one may become less from rung to rung. It counts as what
    is left of it after `beyond` further rungs, if on each it loses as much as on the last one, and
    a tenth of what the first trial's error fell by there or more: other settings may suit then.

    Raises:
        SettingsError: no trial has a finite error.
    """
    found = [(trial, trial.best) for trial in trials if trial.best is not None]
    if not found:
        raise SettingsError(
            f"none of {len(trials)} trials has a finite validation error, such as that by "
            f"{json.dumps(trials[0].parameters)}; set other ranges"
        )
    last = max(len(trial.errors) for trial, _ in found)
    finalists = [(trial, best) for trial, best in found if len(trial.errors) == last]
    finalists.sort(key=lambda finalist: _behind(finalist[0], trials[0], beyond))
    return [(trial.parameters, best) for trial, best in finalists]


def _behind(trial: Trial, first: Trial, beyond: float) -> float:
    """By how much its error is above that of the first trial."""
    if len(first.errors) < len(trial.errors):
        return trial.errors[-1]
    if trial is first:
        return 0.0
    behind = np.subtract(trial.errors, first.errors)
    lost = [*np.diff(behind[-2:]), *-_DOUBT * np.diff(first.errors[-2:])]
    return float(behind[-1] + beyond * max([0.0, *lost]))


def _try_next(
    study: optuna.Study,
    space: Mapping[str, BaseDistribution],
    first: Sequence[Parameters],
    rungs: Sequence[Curves],
    seed: int,
    reduction: int,
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
    known = [trial for trial in tried if trial.parameters == asked.params]
    found = known[0] if known else _climb(asked.params, rungs, reduction, tried)
    curve = [point.model_dump(exclude_unset=True) for point in found.curve]
    asked.set_user_attr("curve", curve)
    asked.set_user_attr("errors", found.errors)
    for rung, error in enumerate(found.errors):
        asked.report(error, step=rung)
    if len(found.errors) < len(rungs):
        study.tell(asked, state=TrialState.PRUNED)
    else:
        study.tell(asked, found.errors[-1])
    how = f"rung {len(found.errors)} of {len(rungs)}, {_described(found.best)}"
    log.info("trial %d: %s by %s", number, how, json.dumps(asked.params))


def _climb(
    parameters: Parameters, rungs: Sequence[Curves], reduction: int, tried: Sequence[Trial]
) -> Trial:
    """The trial on the last rung that it comes to."""
    errors: list[float] = []
    for rung, curves in enumerate(rungs):
        curve = across_folds(curves(parameters))
        best = Trial(parameters, curve).best
        if best is None:
            break
        errors.append(_error(best))
        others = [trial.errors[rung] for trial in tried if len(trial.errors) > rung]
        better = sum(error < errors[-1] for error in others)
        if better >= max(1, (len(others) + 1) // reduction):
            break
    return Trial(parameters, curve, tuple(errors))


def _described(found: Point | None) -> str:
    if found is None:
        return "no finite validation error"
    if found.validation_ndcg is not None:
        return f"validation NDCG {found.validation_ndcg:.4f}"
    return f"validation {found.validation_mse:.4f} in epoch {found.epoch}"


def _tried(study: optuna.Study) -> list[Trial]:
    found = study.get_trials(deepcopy=False, states=_TRIED)
    return [
        Trial(t.params, [Point(**point) for point in told["curve"]], tuple(told["errors"]))
        for t, told in ((t, t.user_attrs) for t in found)
    ]


def across_folds(curves: Sequence[Curve]) -> Curve:
    """Means over folds by epoch; None for what is no finite number."""
    found = {
        key: np.array([[getattr(point, key) for point in curve] for curve in curves], float)
        for key in ("train_mse", "validation_mse", "validation_ndcg", "error")
    }
    with np.errstate(invalid="ignore"):
        columns = {key: values.mean(axis=0) for key, values in found.items()}
        columns["fold_sd"] = found["error"].std(axis=0)
    del columns["error"]
    return [
        Point(epoch=epoch, **dict(zip(columns, map(_finite, values), strict=True)))
        for epoch, values in enumerate(zip(*columns.values(), strict=True), start=1)
    ]


def _error(point: Point) -> float:
    return math.inf if point.error is None else point.error


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
