from typing import Any

import numpy as np
import pytest
from builders import dense_ratings, ratings
from pyspark.sql import SparkSession

from ymr_spark.models.arrays import Floats
from ymr_spark.models.linear import implicit_als
from ymr_spark.packing import by_song, by_user

UNOBSERVED, REGULARIZATION = 3.0, 0.08


def loss(rated: Floats, users: Floats, songs: Floats) -> float:
    weight = UNOBSERVED * rated.sum() / rated.size
    products = users @ songs.T
    ridge = REGULARIZATION / (1 + UNOBSERVED)
    ridges = ridge * (rated.sum(axis=1) + weight * rated.shape[1]) @ (users**2).sum(axis=1)
    ridges += ridge * (rated.sum(axis=0) + weight * rated.shape[0]) @ (songs**2).sum(axis=1)
    return float((rated * (1 - products) ** 2).sum() + weight * (products**2).sum() + ridges)


@pytest.mark.parametrize("rank", [1, 3])
def test_it_ends_where_no_change_lessens_the_loss(spark: SparkSession, rank: int) -> None:
    rows = dense_ratings(20, 12, 0.4, seed=4)
    frame = ratings(spark, [tuple(row) for row in rows.tolist()])
    rated = np.zeros((20, 12))
    rated[rows[:, 0], rows[:, 1]] = 1
    options: dict[str, Any] = {"unobserved": UNOBSERVED, "regularization": REGULARIZATION}
    model = implicit_als.fit(
        by_user(frame), by_song(frame), rank=rank, iterations=60, seed=1, **options
    )
    assert model.link == "chance"
    users, songs = (f.astype(np.float64) for f in (model.user_factors, model.song_factors))
    least = loss(rated, users, songs)
    random = np.random.default_rng(6)
    for _ in range(20):
        changed = [f + 0.01 * random.normal(size=f.shape) for f in (users, songs)]
        assert loss(rated, *changed) > least
    # The derivatives by one side, taken numerically, are 0.
    for u in range(3):
        step = np.zeros_like(users)
        step[u, 0] = 1e-4
        slope = (loss(rated, users + step, songs) - loss(rated, users - step, songs)) / 2e-4
        assert abs(slope) < 1e-3 * least


def test_groups_of_users_and_songs_are_found(spark: SparkSession) -> None:
    """Each of two groups of users rates songs of its own, which they have not all heard."""
    random = np.random.default_rng(2)
    pairs = [
        (u, s) for u in range(40) for s in range(30) if s % 2 == u % 2 and random.random() < 0.5
    ]
    frame = ratings(spark, [(u, s, 1) for u, s in pairs])
    model = implicit_als.fit(
        by_user(frame),
        by_song(frame),
        rank=2,
        unobserved=UNOBSERVED,
        regularization=REGULARIZATION,
        iterations=10,
        seed=1,
    )
    scores = model.user_factors @ model.song_factors.T
    alike = np.add.outer(np.arange(40), np.arange(30)) % 2 == 0
    assert scores[alike].min() > scores[~alike].max() + 0.1
