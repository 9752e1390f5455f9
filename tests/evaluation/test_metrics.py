import numpy as np
import pytest
from builders import ratings, table
from pyspark.sql import SparkSession

from ymr_spark.evaluation import metrics

HELD_OUT = [(1, 10, 5), (1, 11, 1), (2, 10, 3)]


def predictions(spark: SparkSession, stars: list[float]):
    flags = [False, True, False]
    return table(
        spark,
        "predictions",
        [
            ("m", "test", user, song, s, flag)
            for (user, song, _), s, flag in zip(HELD_OUT, stars, flags, strict=True)
        ],
    )


def test_errors_by_hand(spark: SparkSession) -> None:
    # errors -1, +2, 0.5: squares 1, 4, 0.25
    by_user = metrics.errors_by_user(
        predictions(spark, [4.0, 3.0, 3.5]), ratings(spark, HELD_OUT, "test")
    )
    (score,) = metrics.scores(by_user, resamples=50, seed=1)
    assert (score["model"], score["split"], score["rows"]) == ("m", "test", 3)
    assert score["mse"] == pytest.approx(5.25 / 3)
    assert score["rmse"] == pytest.approx((5.25 / 3) ** 0.5)
    assert score["mae"] == pytest.approx(3.5 / 3)
    assert score["fallback_share"] == pytest.approx(1 / 3)


def planted_errors(users: int, spread: float, seed: int) -> metrics.UserErrors:
    """Ten rows a user whose errors share the user's own variance."""
    random = np.random.default_rng(seed)
    variance = random.gamma(1 / spread, spread, users)
    squared = variance * random.chisquare(10, users)
    rows = np.full(users, 10.0)
    return metrics.UserErrors(rows, squared, np.sqrt(squared), rows * 0)


def test_interval_covers_the_truth_19_times_in_20() -> None:
    covered = 0
    for seed in range(200):
        low, high = metrics.mse_interval(planted_errors(400, 1.0, seed), 200, seed)
        covered += low < 1.0 < high
    assert 180 <= covered <= 199


def test_interval_equals_the_normal_one_for_many_users() -> None:
    errors = planted_errors(20_000, 0.5, seed=3)
    low, high = metrics.mse_interval(errors, 2_000, seed=1)
    by_user = errors.squared / 10
    half = 1.96 * by_user.std() / np.sqrt(len(by_user))
    assert (high - low) / 2 == pytest.approx(half, rel=0.08)
    assert metrics.mse_interval(errors, 100, 1) == metrics.mse_interval(errors, 100, 1)
