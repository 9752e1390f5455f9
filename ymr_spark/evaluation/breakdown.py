"""Where models win: their errors by slice, and how well they order each user's songs.

Intervals are normal ones that treat a user's rows as one cluster. For the mean squared error m of
a slice, with n_u rows and the sum s_u of squared errors of user u,

    standard error = sqrt(Σ_u (s_u - m n_u)²) / Σ_u n_u,

the linearised variance of a ratio (Cochran 1977, section 6). There is none where the users are
too few, see `certainty`.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ymr_spark.evaluation import certainty, scan
from ymr_spark.evaluation.scan import Sums
from ymr_spark.evaluation.slicing import Slicings
from ymr_spark.models.arrays import Floats
from ymr_spark.records.leaderboard import Ordering

_WIDTH = 1.96  # standard errors, for 95 %
# Given the rating itself there is no floor: what a rating leaves to chance is its own variance.
_WITHOUT_FLOOR = "rating"


class Order(Ordering):
    """A schemas.ORDERS row."""

    model: str
    split: str


def slices(sums: Iterable[Sums], cuts: Slicings) -> list[dict[str, Any]]:
    """schemas.SLICES rows, as dicts: one per model, split and bin that has rows."""
    found = []
    for (model, split), total in _totals((s.model, s.split, s.slices) for s in sums).items():
        for place, values in zip(_places(cuts), total, strict=True):
            if values[0]:
                found.append({"model": model, "split": split, **place, **_slice(place, values)})
    return found


def orders(sums: Iterable[Sums]) -> list[Order]:
    """One per model and split."""
    found = []
    for (model, split), total in _totals((s.model, s.split, s.orders) for s in sums).items():
        means: dict[str, float | None] = {}
        for name, values in zip(("ndcg", "pairwise"), total, strict=True):
            means |= _mean(name, *values.tolist())
        found.append(Order.model_validate({"model": model, "split": split, **means}))
    return found


def _totals(sums: Iterable[tuple[str, str, Floats]]) -> dict[tuple[str, str], Floats]:
    """The sum over groups by model and split."""
    totals: dict[tuple[str, str], Floats] = {}
    for model, split, values in sums:
        totals[model, split] = totals.get((model, split), 0.0) + values
    return totals


def _places(cuts: Slicings) -> Iterator[dict[str, Any]]:
    for name, labels in cuts.labels.items():
        for bin_, label in enumerate(labels):
            yield {"slice": name, "bin": bin_, "label": label}


def _slice(place: dict[str, Any], values: Floats) -> dict[str, Any]:
    sums = dict(zip(scan.SLICES, values.tolist(), strict=True))
    rows = sums["rows"]
    mse = sums["squared"] / rows
    spread = sums["squared_squared"] - 2 * mse * sums["rows_squared"] + mse**2 * sums["rows_rows"]
    error = math.sqrt(max(spread, 0.0)) / rows
    known = place["slice"] != _WITHOUT_FLOOR and np.isfinite(sums["floor"])
    return {
        "rows": int(rows),
        "mse": mse,
        **_around("mse", mse, error, certainty.enough(rows, sums["rows_rows"])),
        "mean_prediction": sums["prediction"] / rows,
        "mean_rating": sums["rating"] / rows,
        "floor_mse": sums["floor"] / rows if known else None,
    }


def _mean(name: str, users: float, total: float, squares: float) -> dict[str, float | None]:
    """A mean over users with its interval; None where no user has a value."""
    if not users:
        return {f"{name}_users": 0, name: None, **_around(name, 0.0, 0.0, enough=False)}
    mean = total / users
    error = math.sqrt(max(squares / users - mean**2, 0.0) / users)
    around = _around(name, mean, error, certainty.enough(users, users))
    return {f"{name}_users": int(users), name: mean, **around}


def _around(name: str, mean: float, error: float, enough: bool) -> dict[str, float | None]:
    """The interval by a standard error; none where the users are not enough."""
    low, high = mean - _WIDTH * error, mean + _WIDTH * error
    return {f"{name}_low": low if enough else None, f"{name}_high": high if enough else None}
