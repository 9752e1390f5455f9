"""Errors of predictions over the very rows that were held out, with intervals over users."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark.models.factors import Floats
from ymr_spark.warehouse import identity_sums

_KEYS = ["split", "user_id", "song_id"]


def errors_by_user(predictions: DataFrame, held_out: DataFrame) -> pa.Table:
    """One row per (model, split, user_id): identity of the rows and sums of their errors.

    Columns after the key: those of `warehouse.identity_sums`, then `squared`, `absolute` (sums,
    stars squared and stars), `fallbacks` and `unusable` (rows: no number from 1 to 5). Users
    ascend within a model and split.
    """
    rows = predictions.join(held_out.select(*_KEYS, "rating"), _KEYS, how="left")
    error = F.col("prediction") - F.col("rating")
    sums = rows.groupBy("model", "split", "user_id").agg(
        *identity_sums(),
        F.sum(error * error).alias("squared"),
        F.sum(F.abs(error)).alias("absolute"),
        F.sum(F.col("fallback").cast("long")).alias("fallbacks"),
        F.count_if(~F.coalesce(F.col("prediction").between(1, 5), F.lit(False))).alias("unusable"),
    )
    by = [(key, "ascending") for key in ("model", "split", "user_id")]
    return sums.toArrow().sort_by(by)


@dataclass(frozen=True)
class SplitErrors:
    """All models' sums over the same rows of one split: users down, models across."""

    models: tuple[str, ...]  # (models,)
    rows: Floats  # (users,)
    squared: Floats  # (users, models), stars squared
    absolute: Floats  # (users, models), stars
    fallbacks: Floats  # (users, models), rows

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
        return self._mean(self.fallbacks)

    def _mean(self, sums: Floats) -> Floats:
        means: Floats = sums.sum(axis=0) / self.rows.sum()
        return means


def by_split(by_user: pa.Table) -> dict[str, SplitErrors]:
    """`errors_by_user` by split; all models must be of the same rows (see `comparison`)."""
    splits = sorted(set(by_user.column("split").to_pylist()))
    return {split: _pivoted(by_user.filter(pc.field("split") == split)) for split in splits}


def _pivoted(errors: pa.Table) -> SplitErrors:
    models = tuple(sorted(set(errors.column("model").to_pylist())))
    rows, *sums = (
        errors.column(name).to_numpy().astype(np.float64).reshape(len(models), -1)
        for name in ("rows", "squared", "absolute", "fallbacks")
    )
    return SplitErrors(models, rows[0], *(np.ascontiguousarray(s.T) for s in sums))


def resampled_mse(errors: SplitErrors, resamples: int, seed: int) -> Floats:
    """(draws, models) bootstrap draws of the MSE, resampling users with replacement.

    Users are resampled, not rows, since one user's errors hang together. Each draw weighs
    users by Poisson(1), which for many users is the multinomial of the plain bootstrap, and
    weighs them alike for all models: differences of columns are paired.
    """
    random = np.random.default_rng(seed)
    sums = np.column_stack([errors.rows, errors.squared])
    drawn = np.array([random.poisson(1.0, len(sums)) @ sums for _ in range(resamples)])
    drawn = drawn[drawn[:, 0] > 0]
    mse: Floats = drawn[:, 1:] / drawn[:, :1]
    return mse


def interval(draws: Floats) -> tuple[float, float]:
    """95 % of the draws, as many below as above."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def scores(split: str, errors: SplitErrors, draws: Floats) -> list[dict[str, Any]]:
    """schemas.METRICS rows, as dicts: one per model."""
    mse, mae, fallback_share = errors.mse, errors.mae, errors.fallback_share
    found = []
    for i, model in enumerate(errors.models):
        low, high = interval(draws[:, i])
        found.append(
            {
                "model": model,
                "split": split,
                "rows": int(errors.rows.sum()),
                "mse": float(mse[i]),
                "rmse": math.sqrt(mse[i]),
                "mae": float(mae[i]),
                "mse_low": low,
                "mse_high": high,
                "fallback_share": float(fallback_share[i]),
            }
        )
    return found


def differences(split: str, errors: SplitErrors, draws: Floats) -> list[dict[str, Any]]:
    """schemas.DIFFERENCES rows, as dicts: one per ordered pair of models."""
    found = []
    for i, j in permutations(range(len(errors.models)), 2):
        low, high = interval(draws[:, i] - draws[:, j])
        found.append(
            {
                "model": errors.models[i],
                "other": errors.models[j],
                "split": split,
                "difference": float(errors.mse[i] - errors.mse[j]),
                "low": low,
                "high": high,
            }
        )
    return found


def groups(scored: Iterable[Mapping[str, Any]], pairs: Iterable[Mapping[str, Any]]) -> list[int]:
    """The group of each model of one split, 1 for the best; `scored` by MSE ascending.

    A model that cannot be told apart from the first of a group, the interval of their
    difference including 0, belongs to it.
    """
    worse = {(p["model"], p["other"]) for p in pairs if p["low"] > 0}
    found: list[int] = []
    first = ""
    for name in (score["model"] for score in scored):
        if not found or (name, first) in worse:
            first = name
            found.append(len(set(found)) + 1)
        else:
            found.append(found[-1])
    return found
