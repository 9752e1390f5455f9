from typing import Any

import numpy as np
import pytest
from builders import dense_ratings, ratings
from pyspark.sql import SparkSession

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.linear import bias
from ymr_spark.packing import by_user
from ymr_spark.ratings import with_scale
from ymr_spark.scale import Scale

EXACT: dict[str, Any] = {"tolerance": 1e-10, "max_iterations": 500}


def rows_of(array: Ints) -> list[tuple[int, int, int]]:
    return [tuple(row) for row in array.tolist()]


def ridge(rows: Ints | Floats, user_damping: float, song_damping: float) -> tuple[Floats, Floats]:
    """The normal equations of the objective, solved densely."""
    users, songs = rows[:, :2].T.astype(int)
    stars = rows[:, 2]
    n_users, n_songs = users.max() + 1, songs.max() + 1
    design = np.zeros((len(rows), n_users + n_songs))
    design[np.arange(len(rows)), users] = 1
    design[np.arange(len(rows)), n_users + songs] = 1
    damping = np.diag([user_damping] * n_users + [song_damping] * n_songs)
    solution = np.linalg.solve(design.T @ design + damping, design.T @ (stars - stars.mean()))
    return solution[:n_users], solution[n_users:]


def test_equals_the_normal_equations(spark: SparkSession) -> None:
    rows = dense_ratings(40, 25, 0.3, seed=3)
    model, moves = bias.fit(by_user(ratings(spark, rows_of(rows))), 3.0, 7.0, **EXACT)
    users, songs = ridge(rows, 3.0, 7.0)
    assert model.mean == pytest.approx(rows[:, 2].mean())
    np.testing.assert_allclose(model.user_offsets, users, atol=1e-8)
    np.testing.assert_allclose(model.song_offsets, songs, atol=1e-8)
    assert moves[-1] <= 1e-10


def test_one_user_by_hand(spark: SparkSession) -> None:
    # mean 3; both residuals are 0 on average, so the user's offset is 0 and each song takes
    # its residual of ±2 shrunk by 1 / (1 + 1).
    model, _ = bias.fit(by_user(ratings(spark, [(7, 1, 5), (7, 4, 1)])), 1.0, 1.0, **EXACT)
    assert model.user_ids.tolist() == [7]
    assert model.song_ids.tolist() == [1, 4]
    np.testing.assert_allclose(model.song_offsets, [1.0, -1.0])
    np.testing.assert_allclose(model.user_offsets, [0.0], atol=1e-12)


HALVES = "user_id int, song_id int, rating float"


def test_half_stars_by_hand(spark: SparkSession) -> None:
    # mean 3.5; the user's residuals of ±1 give no offset, and each song's is shrunk by 1 / (1 + 1).
    frame = spark.createDataFrame([(7, 1, 4.5), (7, 4, 2.5)], HALVES)
    model, _ = bias.fit(by_user(with_scale(frame, Scale(0.5, 5, 0.5))), 1.0, 1.0, **EXACT)
    assert model.mean == 3.5
    np.testing.assert_allclose(model.song_offsets, [0.5, -0.5])
    np.testing.assert_allclose(model.user_offsets, [0.0], atol=1e-12)


def test_half_stars_equal_the_normal_equations(spark: SparkSession) -> None:
    rows = dense_ratings(40, 25, 0.3, seed=3) / np.array([1, 1, 2])
    frame = spark.createDataFrame([(int(u), int(s), r) for u, s, r in rows.tolist()], HALVES)
    model, _ = bias.fit(by_user(frame), 3.0, 7.0, **EXACT)
    users, songs = ridge(rows, 3.0, 7.0)
    assert model.mean == pytest.approx(rows[:, 2].mean())
    np.testing.assert_allclose(model.user_offsets, users, atol=1e-8)
    np.testing.assert_allclose(model.song_offsets, songs, atol=1e-8)


def test_the_same_however_rows_are_partitioned(spark: SparkSession) -> None:
    rows = rows_of(dense_ratings(30, 20, 0.4, seed=5))
    together = bias.fit(by_user(ratings(spark, rows).coalesce(1)), 5.0, 5.0, **EXACT)[0]
    torn = ratings(spark, rows).repartition(4, "song_id")
    apart = bias.fit(by_user(torn), 5.0, 5.0, **EXACT)[0]
    np.testing.assert_allclose(apart.user_offsets, together.user_offsets, atol=1e-9)
    np.testing.assert_allclose(apart.song_offsets, together.song_offsets, atol=1e-9)


def test_ids_far_apart_are_the_same_ratings_and_take_no_more_memory(spark: SparkSession) -> None:
    rows = dense_ratings(30, 20, 0.4, seed=5)
    apart = rows * np.array([500_000, 800_000, 1])
    near, far = (
        bias.fit(by_user(ratings(spark, rows_of(array))), 5.0, 5.0, **EXACT)[0]
        for array in (rows, apart)
    )
    assert far.song_ids.tolist() == [800_000 * song for song in near.song_ids]
    np.testing.assert_allclose(far.song_offsets, near.song_offsets, atol=1e-9)
    np.testing.assert_allclose(far.user_offsets, near.user_offsets, atol=1e-9)
