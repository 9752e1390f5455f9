"""The order of each user's songs, against scikit-learn and SciPy."""

import time

import numpy as np
import pytest
from scipy.stats import somersd
from sklearn.metrics import ndcg_score

from ymr_spark.evaluation import ordering
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.scale import Scale
from ymr_spark.sources.r2.scale import R2


def rows(seed: int, steps: int) -> tuple[Ints, Floats, Floats]:
    """Users with 1..14 rows; the fewer the steps, the more predictions are equal."""
    random = np.random.default_rng(seed)
    user = np.repeat(np.arange(30), random.integers(1, 15, 30))
    stars = 1 + random.integers(0, steps, len(user)) * 4 / steps
    return user, random.integers(1, 6, len(user)).astype(float), stars


@pytest.mark.parametrize("steps", [1, 3, 1_000_000])
def test_ndcg_is_scikit_learns(steps: int) -> None:
    user, ratings, stars = rows(1, steps)
    found = ordering.ndcg(ordering.ranked(user, ratings, stars), R2)
    # The same grades of another scale.
    halves = ordering.ranked(user, ratings / 2 - 0.5, stars)
    np.testing.assert_array_equal(ordering.ndcg(halves, Scale(0, 2, 0.5)), found)
    for u in np.unique(user):
        mine = user == u
        if mine.sum() > 1:  # scikit-learn takes no single row
            gains = (2.0 ** ratings[mine] - 1)[None]
            assert found[u] == pytest.approx(ndcg_score(gains, stars[mine][None], k=10))
        else:
            assert found[u] == 1


@pytest.mark.parametrize("steps", [1, 3, 1_000_000])
def test_pairwise_is_somers_d(steps: int) -> None:
    user, ratings, stars = rows(2, steps)
    right, pairs = ordering.pairwise(ordering.ranked(user, ratings, stars))
    for u in np.unique(user):
        mine = user == u
        if pairs[u]:
            # SciPy has no value where all predictions are equal.
            tied = len(set(stars[mine])) == 1
            d = 0 if tied else somersd(ratings[mine], stars[mine]).statistic
            assert right[u] / pairs[u] == pytest.approx((d + 1) / 2)
        else:
            assert len(set(ratings[mine])) == 1


def test_by_hand() -> None:
    # User 0: 5 before 1 as it should be, 3 tied with 5; user 1: the wrong way round.
    user, ratings = np.array([0, 0, 0, 1, 1]), np.array([5, 3, 1, 2, 4])
    rows = ordering.ranked(user, ratings, np.array([4.0, 4.0, 2.0, 3.0, 1.0]))
    right, pairs = ordering.pairwise(rows)
    assert (right.tolist(), pairs.tolist()) == ([2.5, 0.0], [3.0, 1.0])


def test_a_user_with_very_many_rows() -> None:
    # Pair by pair this takes minutes.
    user, ratings = np.zeros(200_000, int), np.tile([1, 5], 100_000)
    stars = np.r_[np.full(100_000, 2.0), np.full(100_000, 3.0)]
    started = time.monotonic()
    right, pairs = ordering.pairwise(ordering.ranked(user, ratings, stars))
    assert time.monotonic() - started < 10
    assert pairs.tolist() == [100_000**2]
    assert right.tolist() == [100_000**2 / 2]
