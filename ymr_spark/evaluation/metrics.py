"""Errors of predictions over the very rows that were held out, with intervals over users."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy.special import pdtr

from ymr_spark.evaluation import certainty, scan
from ymr_spark.evaluation.scan import Sums
from ymr_spark.models.arrays import Floats
from ymr_spark.records.leaderboard import Errors
from ymr_spark.records.record import Record

# Poisson(1) at as many quantiles: drawing one of them is ten times faster than drawing anew.
_QUANTILES = (np.arange(1 << 16) + 0.5) / (1 << 16)
_POISSON = np.searchsorted(pdtr(np.arange(20), 1), _QUANTILES).astype(float)
_DRAWS_AT_ONCE = 20


@dataclass(frozen=True)
class SplitErrors:
    """All models' sums over the same rows of one split: users down, models across."""

    models: tuple[str, ...]  # (models,)
    rows: Floats  # (users,)
    squared: Floats  # (users, models), stars squared
    absolute: Floats  # (users, models), stars
    fallbacks: Floats  # (users, models), rows

    @property
    def enough(self) -> bool:
        """Whether these users are enough to tell how sure an error is."""
        return certainty.enough(float(self.rows.sum()), float(self.rows @ self.rows))

    def differ_enough(self, one: int, other: int) -> bool:
        """The same of two models' difference: they may differ on the rows of few users only."""
        differing = np.count_nonzero(self.squared[:, one] != self.squared[:, other])
        return self.enough and not 0 < differing < certainty.LEAST_USERS

    @property
    def mse(self) -> Floats:
        """(models,) in stars squared, each row weighing the same."""
        return self._mean(self.squared)

    @property
    def mae(self) -> Floats:
        """(models,) in stars."""
        return self._mean(self.absolute)

    @property
    def fallback_share(self) -> Floats:
        """Share of the rows that a fallback scored, (models,)."""
        return self._mean(self.fallbacks)

    def _mean(self, sums: Floats) -> Floats:
        means: Floats = sums.sum(axis=0) / self.rows.sum()
        return means


class Score(Errors):
    """A schemas.METRICS row."""

    model: str
    split: str


class Difference(Record):
    """A schemas.DIFFERENCES row: the MSE of a model less that of another one."""

    model: str
    other: str
    split: str
    difference: float  # stars squared
    low: float | None  # 95 % interval, users resampled alike for both
    high: float | None


def by_split(sums: Iterable[Sums]) -> dict[str, SplitErrors]:
    """`scan.sums` by split; all models must be of the same rows (see `comparison`)."""
    models: dict[str, dict[str, list[Floats]]] = {}
    for row in sums:
        models.setdefault(row.split, {}).setdefault(row.model, []).append(row.errors)
    return {split: _side_by_side(models[split]) for split in sorted(models)}


def _side_by_side(models: dict[str, list[Floats]]) -> SplitErrors:
    names = tuple(sorted(models))
    together = np.array([np.concatenate(models[name], axis=1) for name in names])
    rows, *sums = (np.ascontiguousarray(together[:, i].T) for i in range(len(scan.ERRORS)))
    return SplitErrors(names, rows[:, 0], *sums)


def resampled_mse(errors: SplitErrors, resamples: int, seed: int) -> Floats:
    """(draws, models) bootstrap draws of the MSE, resampling users with replacement.

    Users are resampled, not rows, since one user's errors hang together. Each draw weighs
    users by Poisson(1), which for many users is the multinomial of the plain bootstrap, and
    weighs them alike for all models: differences of columns are paired.
    """
    random = np.random.default_rng(seed)
    sums = np.column_stack([errors.rows, errors.squared])
    drawn = []
    for first in range(0, resamples, _DRAWS_AT_ONCE):
        shape = (min(_DRAWS_AT_ONCE, resamples - first), len(sums))
        drawn.append(_POISSON[random.integers(len(_POISSON), size=shape, dtype=np.uint16)] @ sums)
    totals = np.concatenate(drawn)
    totals = totals[totals[:, 0] > 0]
    mse: Floats = totals[:, 1:] / totals[:, :1]
    return mse


def interval(draws: Floats, enough: bool = True) -> tuple[float, float] | tuple[None, None]:
    """95 % of the draws, as many below as above; none where the users are not enough."""
    if not enough:
        return None, None
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def scores(split: str, errors: SplitErrors, draws: Floats) -> list[Score]:
    """One per model."""
    mse, mae, fallback_share = errors.mse, errors.mae, errors.fallback_share
    found = []
    for i, model in enumerate(errors.models):
        low, high = interval(draws[:, i], errors.enough)
        found.append(
            Score(
                model=model,
                split=split,
                rows=int(errors.rows.sum()),
                mse=float(mse[i]),
                rmse=math.sqrt(mse[i]),
                mae=float(mae[i]),
                mse_low=low,
                mse_high=high,
                fallback_share=float(fallback_share[i]),
            )
        )
    return found


def differences(split: str, errors: SplitErrors, draws: Floats) -> list[Difference]:
    """One per ordered pair of models."""
    found = []
    for i, j in permutations(range(len(errors.models)), 2):
        low, high = interval(draws[:, i] - draws[:, j], errors.differ_enough(i, j))
        found.append(
            Difference(
                model=errors.models[i],
                other=errors.models[j],
                split=split,
                difference=float(errors.mse[i] - errors.mse[j]),
                low=low,
                high=high,
            )
        )
    return found


def groups(scored: Iterable[Score], pairs: Iterable[Difference]) -> list[int]:
    """The group of each model of one split, 1 for the best; `scored` by MSE ascending.

    A model that cannot be told apart from the first of a group, the interval of their
    difference including 0, belongs to it; so do all where there are no intervals.
    """
    worse = {(p.model, p.other) for p in pairs if p.low is not None and p.low > 0}
    found: list[int] = []
    first = ""
    for name in (score.model for score in scored):
        if not found or (name, first) in worse:
            first = name
            found.append(len(set(found)) + 1)
        else:
            found.append(found[-1])
    return found
