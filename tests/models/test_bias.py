import numpy as np
import pytest
from builders import dense_ratings, ratings
from pyspark.sql import SparkSession

from ymr_spark.models import bias
from ymr_spark.models.blocks import user_blocks

EXACT = {"tolerance": 1e-10, "max_iterations": 500}


def rows_of(array: np.ndarray) -> list[tuple[int, int, int]]:
    return [tuple(row) for row in array.tolist()]


def ridge(rows: np.ndarray, user_damping: float, song_damping: float) -> tuple[np.ndarray, ...]:
    """The normal equations of the objective, solved densely."""
    users, songs, stars = rows.T
    n_users, n_songs = users.max() + 1, songs.max() + 1
    design = np.zeros((len(rows), n_users + n_songs))
    design[np.arange(len(rows)), users] = 1
    design[np.arange(len(rows)), n_users + songs] = 1
    damping = np.diag([user_damping] * n_users + [song_damping] * n_songs)
    solution = np.linalg.solve(design.T @ design + damping, design.T @ (stars - stars.mean()))
    return solution[:n_users], solution[n_users:]


def test_equals_the_normal_equations(spark: SparkSession) -> None:
    rows = dense_ratings(40, 25, 0.3, seed=3)
    model, moves = bias.fit(user_blocks(ratings(spark, rows_of(rows))), 3.0, 7.0, **EXACT)
    users, songs = ridge(rows, 3.0, 7.0)
    assert model.mean == pytest.approx(rows[:, 2].mean())
    np.testing.assert_allclose(model.user_offsets, users, atol=1e-8)
    np.testing.assert_allclose(model.song_offsets, songs, atol=1e-8)
    assert moves[-1] <= 1e-10


def test_one_user_by_hand(spark: SparkSession) -> None:
    # mean 3; both residuals are 0 on average, so the user's offset is 0 and each song takes
    # its residual of ±2 shrunk by 1 / (1 + 1).
    model, _ = bias.fit(user_blocks(ratings(spark, [(7, 1, 5), (7, 4, 1)])), 1.0, 1.0, **EXACT)
    assert model.user_ids.tolist() == [7]
    assert model.song_ids.tolist() == [1, 4]
    np.testing.assert_allclose(model.song_offsets, [1.0, -1.0])
    np.testing.assert_allclose(model.user_offsets, [0.0], atol=1e-12)


def test_the_same_however_rows_are_partitioned(spark: SparkSession) -> None:
    rows = rows_of(dense_ratings(30, 20, 0.4, seed=5))
    together = bias.fit(user_blocks(ratings(spark, rows).coalesce(1)), 5.0, 5.0, **EXACT)[0]
    torn = ratings(spark, rows).repartition(4, "song_id")
    apart = bias.fit(user_blocks(torn), 5.0, 5.0, **EXACT)[0]
    np.testing.assert_allclose(apart.user_offsets, together.user_offsets, atol=1e-9)
    np.testing.assert_allclose(apart.song_offsets, together.song_offsets, atol=1e-9)


def test_ids_far_apart_are_the_same_ratings_and_take_no_more_memory(spark: SparkSession) -> None:
    rows = dense_ratings(30, 20, 0.4, seed=5)
    apart = rows * np.array([500_000, 800_000, 1])
    near, far = (
        bias.fit(user_blocks(ratings(spark, rows_of(array))), 5.0, 5.0, **EXACT)[0]
        for array in (rows, apart)
    )
    assert far.song_ids.tolist() == [800_000 * song for song in near.song_ids]
    np.testing.assert_allclose(far.song_offsets, near.song_offsets, atol=1e-9)
    np.testing.assert_allclose(far.user_offsets, near.user_offsets, atol=1e-9)
    # What a task sends goes by songs, not by ids.
    sent = bias._song_totals(user_blocks(ratings(spark, rows_of(apart))))
    assert [len(part) for part in sent] == [20, 20, 20]
