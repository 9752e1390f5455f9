from dataclasses import replace
from itertools import permutations

import judged
import numpy as np
import pytest
from builders import table
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.evaluation import breakdown, certainty, metrics, scan
from ymr_spark.evaluation.metrics import Difference
from ymr_spark.models.arrays import Floats
from ymr_spark.scale import Scale

HELD_OUT = [(1, 10, 5), (1, 11, 1), (2, 10, 3)]


KEYS = [(user, song) for user, song, _ in HELD_OUT]


def test_errors_by_hand(spark: SparkSession) -> None:
    # errors -1, +2, 0.5: squares 1, 4, 0.25
    predicted = judged.predictions(spark, "m", "test", KEYS, [4.0, 3.0, 3.5])
    sums = judged.sums(predicted, judged.held_out(spark, HELD_OUT), "m")
    (errors,) = metrics.by_split(sums).values()
    draws = metrics.resampled_mse(errors, resamples=50, seed=1)
    # A draw may leave out both users, and then says nothing.
    assert 30 < len(draws) < 50
    assert np.isfinite(draws).all()
    (score,) = metrics.scores("test", errors, draws)
    assert (score.model, score.split, score.rows) == ("m", "test", 3)
    assert score.mse == pytest.approx(5.25 / 3)
    assert score.rmse == pytest.approx((5.25 / 3) ** 0.5)
    assert score.mae == pytest.approx(3.5 / 3)
    assert score.fallback_share == pytest.approx(1 / 3)


def test_half_stars_are_judged_as_they_are(spark: SparkSession) -> None:
    halves = replace(judged.CUTS, scale=Scale(0.5, 5, 0.5))
    predicted = judged.predictions(spark, "m", "test", KEYS, [4.0, 0.5, 5.5])
    held_out = judged.held_out(spark, HELD_OUT).withColumn("rating", F.lit(4.5))
    sums = judged.sums(predicted, held_out, "m", cuts=halves)
    assert sum(row.unusable for row in sums) == 1
    assert metrics.by_split(sums)["test"].mse == pytest.approx((0.25 + 16 + 1) / 3)
    by_rating = [row for row in breakdown.slices(sums, halves) if row["slice"] == "rating"]
    assert [(row["bin"], row["label"], row["rows"]) for row in by_rating] == [(8, "4.5", 3)]


def test_an_interval_has_95_percent_of_the_draws() -> None:
    assert metrics.interval(np.arange(1001.0)) == (25, 975)


def test_each_model_keeps_its_own_errors(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Users in groups of their own, each whole in one of them.
    monkeypatch.setattr(scan, "_HELD_ROWS", 1)
    rows = [
        (model, split, user, song, stars + wrong, False, "aa")
        for model, wrong in (("b", 2.0), ("a", 1.0))
        for split in ("test", "validation")
        for user, song, stars in HELD_OUT
    ]
    truth = judged.held_out(spark, HELD_OUT, "test", "validation")
    splits = metrics.by_split(judged.sums(table(spark, "predictions", rows), truth, "a", "b"))
    assert list(splits) == ["test", "validation"]
    for errors in splits.values():
        assert errors.models == ("a", "b")
        assert sorted(errors.rows.tolist()) == [1, 2]
        assert sorted(errors.squared.tolist()) == [[1, 4], [2, 8]]
        assert errors.mae.tolist() == [1, 2]


def planted_errors(users: int, spread: float, seed: int, *scales: float) -> metrics.SplitErrors:
    """Ten rows a user whose errors share the user's own variance; a model for each scale.

    Models' errors go together, as those of models of the same ratings do.
    """
    random = np.random.default_rng(seed)
    variance = random.gamma(1 / spread, spread, users)
    squared = variance * random.chisquare(10, users)
    noise = random.normal(1, 0.05, (users, len(scales or (1.0,))))
    each = squared[:, None] * np.array(scales or (1.0,)) * (noise if scales else 1.0)
    names = tuple(f"m{i}" for i in range(each.shape[1]))
    return metrics.SplitErrors(names, np.full(users, 10.0), each, np.sqrt(each), each * 0)


def ends(draws: Floats) -> tuple[float, float]:
    low, high = metrics.interval(draws)
    assert low is not None
    assert high is not None
    return low, high


def interval(errors: metrics.SplitErrors, resamples: int, seed: int) -> tuple[float, float]:
    return ends(metrics.resampled_mse(errors, resamples, seed)[:, 0])


def test_interval_covers_the_truth_19_times_in_20() -> None:
    covered = 0
    for seed in range(200):
        low, high = interval(planted_errors(400, 1.0, seed), 200, seed)
        covered += low < 1.0 < high
    assert 180 <= covered <= 199


def test_interval_equals_the_normal_one_for_many_users() -> None:
    errors = planted_errors(20_000, 0.5, seed=3)
    low, high = interval(errors, 2_000, seed=1)
    by_user = errors.squared[:, 0] / 10
    half = 1.96 * by_user.std() / np.sqrt(len(by_user))
    assert (high - low) / 2 == pytest.approx(half, rel=0.08)
    assert interval(errors, 100, 1) == interval(errors, 100, 1)
    assert len(metrics.resampled_mse(errors, 50, 1)) == 50


@pytest.mark.parametrize("users", [1, 2, 10, 49])
def test_few_users_do_not_tell(users: int) -> None:
    errors = planted_errors(users, 1.0, 5, 1.0, 4.0)
    draws = metrics.resampled_mse(errors, 200, seed=1)
    scored, pairs = (
        metrics.scores("test", errors, draws),
        metrics.differences("test", errors, draws),
    )
    assert {getattr(row, end) for row in scored for end in ("mse_low", "mse_high")} == {None}
    assert {getattr(pair, end) for pair in pairs for end in ("low", "high")} == {None}
    assert metrics.groups(scored, pairs) == [1, 1]


def test_many_users_of_whom_one_has_most_rows_do_not_tell() -> None:
    errors = planted_errors(400, 1.0, 5, 1.0, 4.0)
    assert errors.enough
    heavy = replace(errors, rows=np.r_[2_000.0, errors.rows[1:]])
    assert not heavy.enough


def test_models_that_differ_for_few_users_are_not_told_apart() -> None:
    errors = planted_errors(400, 1.0, 5, 1.0, 1.0)
    for users, low in ((0, 0.0), (6, None), (60, pytest.approx(0.06, abs=0.03))):
        other = errors.squared[:, 0] + 4 * (np.arange(400) < users)
        pair = replace(errors, squared=np.c_[errors.squared[:, 0], other])
        draws = metrics.resampled_mse(pair, 400, seed=1)
        found = metrics.differences("test", pair, draws)
        assert [p.low for p in found if p.model == "m1"] == [low]


def test_as_many_users_as_are_asked_for_hold_the_truth_nine_times_in_ten() -> None:
    """Of the heavy-tailed errors in docs/comparing.md."""
    covered = 0
    for seed in range(300):
        low, high = interval(planted_errors(certainty.LEAST_USERS, 1.0, seed), 200, seed)
        covered += low < 1.0 < high
    assert covered >= 0.88 * 300


def told_apart(*scales: float) -> list[int]:
    errors = planted_errors(2_000, 1.0, 5, *scales)
    draws = metrics.resampled_mse(errors, 400, seed=1)
    scored = metrics.scores("test", errors, draws)
    pairs = metrics.differences("test", errors, draws)
    return metrics.groups(sorted(scored, key=lambda s: s.mse), pairs)


def test_equal_models_are_one_group_and_a_small_difference_is_found() -> None:
    assert told_apart(1.0, 1.0) == [1, 1]
    # 1 % apart, a quarter of the width of each one's own interval.
    assert told_apart(1.0, 1.01) == [1, 2]


def test_differences_are_paired_and_of_either_sign() -> None:
    errors = planted_errors(2_000, 1.0, 5, 1.0, 1.01)
    draws = metrics.resampled_mse(errors, 400, seed=1)
    pairs = metrics.differences("test", errors, draws)
    found = {(p.model, p.other): p for p in pairs}
    forth, back = found["m0", "m1"], found["m1", "m0"]
    assert forth.difference == -back.difference < 0
    assert back.low is not None
    assert back.high is not None
    assert forth.low == pytest.approx(-back.high)
    width = back.high - back.low
    own = [np.ptp(ends(draws[:, i])) for i in (0, 1)]
    assert width < min(own) / 4


def test_a_group_is_what_its_first_cannot_be_told_from() -> None:
    errors = planted_errors(100, 1.0, 5, 1.0, 1.0, 1.0, 1.0)
    draws = metrics.resampled_mse(errors, 50, seed=1)
    named = zip("abcd", metrics.scores("test", errors, draws), strict=True)
    scored = [score.model_copy(update={"model": name}) for name, score in named]
    apart = {("c", "a"), ("d", "a"), ("d", "b")}
    pairs = [
        Difference(model=m, other=o, split="test", difference=0.0, low=low, high=1.0)
        for m, o in permutations("abcd", 2)
        for low in [0.1 if (m, o) in apart else -0.1]
    ]
    assert metrics.groups(scored, pairs) == [1, 1, 2, 2]
