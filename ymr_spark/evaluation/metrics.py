"""Errors of predictions over the very rows that were held out, with intervals over users."""

import math
from dataclasses import dataclass
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
class UserErrors:
    """One model's sums over one split, a place for each user (users,)."""

    rows: Floats
    squared: Floats
    absolute: Floats
    fallbacks: Floats

    @property
    def mse(self) -> float:
        """In stars squared, each row weighing the same."""
        return float(self.squared.sum() / self.rows.sum())

    @property
    def mae(self) -> float:
        """In stars."""
        return float(self.absolute.sum() / self.rows.sum())

    @property
    def fallback_share(self) -> float:
        return float(self.fallbacks.sum() / self.rows.sum())


def mse_interval(errors: UserErrors, resamples: int, seed: int) -> tuple[float, float]:
    """95 % bootstrap interval of the MSE, resampling users with replacement.

    Users are resampled, not rows, since one user's errors hang together. Each draw weighs
    users by Poisson(1), which for many users is the multinomial of the plain bootstrap.
    """
    random = np.random.default_rng(seed)
    sums = np.stack([errors.squared, errors.rows], axis=1)
    drawn = np.array([random.poisson(1.0, len(sums)) @ sums for _ in range(resamples)])
    drawn = drawn[drawn[:, 1] > 0]
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(low), float(high)


def scores(by_user: pa.Table, resamples: int, seed: int) -> list[dict[str, Any]]:
    """One schemas.METRICS row, as a dict, per (model, split) of `errors_by_user`."""
    pairs = by_user.group_by(["model", "split"]).aggregate([]).to_pylist()
    found = []
    for pair in sorted(pairs, key=lambda p: (p["model"], p["split"])):
        chosen = (pc.field("model") == pair["model"]) & (pc.field("split") == pair["split"])
        mine = by_user.filter(chosen)
        names = ("rows", "squared", "absolute", "fallbacks")
        columns = (mine.column(name).to_numpy().astype(np.float64) for name in names)
        found.append(pair | _score(UserErrors(*columns), resamples, seed))
    return found


def _score(errors: UserErrors, resamples: int, seed: int) -> dict[str, Any]:
    low, high = mse_interval(errors, resamples, seed)
    return {
        "rows": int(errors.rows.sum()),
        "mse": errors.mse,
        "rmse": math.sqrt(errors.mse),
        "mae": errors.mae,
        "mse_low": low,
        "mse_high": high,
        "fallback_share": errors.fallback_share,
    }
