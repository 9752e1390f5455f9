import numpy as np
import pytest
from builders import dense_ratings, ratings
from pyspark.sql import SparkSession

from ymr_spark.models.linear import user_lean
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.packing import by_user


def fitted(
    spark: SparkSession, rows: list[tuple[int, int, int]], damping: float
) -> tuple[FactorModel, float | None]:
    return user_lean.fit(by_user(ratings(spark, rows)), damping)


def test_by_hand(spark: SparkSession) -> None:
    # 11 stars of 4 ratings: 1 alone is off by 16 + 16 + 0 + 0, 5 alone by 0 + 0 + 16 + 16 less
    # the rating of 4: 1 fits better. User 0 means 3.5 and is better off with 5.
    rows = [(0, 0, 5), (0, 1, 2), (9, 0, 1), (9, 2, 3)]
    model, threshold = fitted(spark, rows, damping=0.0)
    assert threshold == 3.5
    stars, known = model.predict(np.array([0, 9, 12, 0]), np.array([0, 2, 0, 77]))
    assert stars.tolist() == [5.0, 1.0, 1.0, 5.0]
    assert known.tolist() == [True, True, False, False]


def test_users_without_ratings_get_the_side_of_all(spark: SparkSession) -> None:
    model, _ = fitted(spark, [(0, 0, 5), (0, 1, 4), (1, 0, 1)], damping=1.0)
    assert model.predict(np.array([5]), np.array([0]))[0].tolist() == [5.0]
    assert model.mean == 5.0


def test_shrinking_weighs_few_ratings_less(spark: SparkSession) -> None:
    # mean 4: one rating of 2 beside 10 imaginary ones of 4 is not a low lean.
    many = [(0, song, 5) for song in range(8)] + [(2, song, 1) for song in range(3)]
    rows = [*many, (1, 0, 2)]
    model, threshold = fitted(spark, rows, damping=100.0)
    mean = 45 / 12
    assert model.mean == 5.0
    assert threshold == pytest.approx((40 + 100 * mean) / 108)


@pytest.mark.parametrize("damping", [0.0, 3.0, 50.0])
def test_no_threshold_fits_train_better(spark: SparkSession, damping: float) -> None:
    rows = dense_ratings(30, 20, 0.2, seed=4)
    model, _ = fitted(spark, [tuple(row) for row in rows.tolist()], damping)
    users, songs, stars = rows.T
    counts, sums = np.bincount(users), np.bincount(users, weights=stars)
    lean = (sums + damping * stars.mean()) / (counts + damping)
    errors = [
        np.sum((np.where(lean >= t, 5, 1)[users] - stars) ** 2) for t in [*np.unique(lean), np.inf]
    ]
    found = np.sum((model.predict(users, songs)[0] - stars) ** 2)
    assert found == min(errors)


def test_users_of_equal_lean_are_not_parted() -> None:
    # Cut between the two 4s would gain 5, but there is no such threshold.
    lean, excess = np.array([4.0, 4.0, 2.0]), np.array([5.0, -4.0, -1.0])
    assert user_lean.best_threshold(lean, excess) == 4.0
    assert user_lean.best_threshold(lean, np.array([5.0, -6.0, -1.0])) is None
