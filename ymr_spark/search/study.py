"""A search by Optuna that can be killed at any time and ends as if it had not been."""

import json
import logging
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

log = logging.getLogger(__name__)
optuna.logging.set_verbosity(optuna.logging.WARNING)

Parameters = dict[str, Any]
# One entry per epoch with train_mse and validation_mse, in stars squared.
Curve = list[dict[str, Any]]
_RANDOM_TRIALS = 5


@dataclass(frozen=True)
class Trial:
    """One choice of hyperparameters, and what cross-validation says of each epoch."""

    parameters: Parameters
    curve: Curve  # means over the folds, with the validation MSE's deviation as fold_sd

    @property
    def best(self) -> dict[str, Any]:
        """The epoch of least validation MSE."""
        return min(self.curve, key=lambda point: point["validation_mse"])


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
        trials: finished ones in all; more than before goes on with the search.
    """
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(journal))),
        study_name="search",
        load_if_exists=True,
    )
    for killed in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(killed.number, state=TrialState.FAIL)
    finished = _finished(study)
    while len(finished) < trials:
        _try_next(study, space, first, curves, seed, finished)
        finished = _finished(study)
    return finished[:trials]


def _try_next(
    study: optuna.Study,
    space: Mapping[str, BaseDistribution],
    first: Sequence[Parameters],
    curves: Callable[[Parameters], Sequence[Curve]],
    seed: int,
    finished: list[Trial],
) -> None:
    number = len(finished)
    if number < len(first) and not study.get_trials(states=(TrialState.WAITING,)):
        study.enqueue_trial(first[number])
    # A sampler's random state does not survive a kill: every trial has one of its own.
    study.sampler = TPESampler(
        seed=seed * 10_000 + number, n_startup_trials=_RANDOM_TRIALS, constant_liar=False
    )
    asked = study.ask(dict(space))
    known = [trial.curve for trial in finished if trial.parameters == asked.params]
    curve = known[0] if known else across_folds(curves(asked.params))
    asked.set_user_attr("curve", curve)
    trial = Trial(asked.params, curve)
    study.tell(asked, trial.best["validation_mse"])
    log.info(
        "trial %d: validation %.4f in epoch %d by %s",
        number,
        trial.best["validation_mse"],
        trial.best["epoch"],
        json.dumps(trial.parameters),
    )


def _finished(study: optuna.Study) -> list[Trial]:
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [Trial(trial.params, trial.user_attrs["curve"]) for trial in complete]


def across_folds(curves: Sequence[Curve]) -> Curve:
    """Means over folds by epoch, and the standard deviation of the folds' validation MSE."""
    train, validation = (
        np.array([[point[key] for point in curve] for curve in curves])
        for key in ("train_mse", "validation_mse")
    )
    columns = zip(train.mean(axis=0), validation.mean(axis=0), validation.std(axis=0), strict=True)
    return [
        {"epoch": epoch, "train_mse": float(t), "validation_mse": float(v), "fold_sd": float(sd)}
        for epoch, (t, v, sd) in enumerate(columns, start=1)
    ]
