import numpy as np
import pytest
from builders import ratings
from pyspark.sql import SparkSession
from scipy.linalg import subspace_angles

from ymr_spark.models import als, bias
from ymr_spark.models.blocks import user_blocks
from ymr_spark.models.factors import FactorModel

USERS, SONGS, RANK = 60, 40, 2
ALS = {"rank": RANK, "iterations": 15, "blocks": 2, "checkpoint_interval": 5, "seed": 1}


def base(users: int, songs: int) -> FactorModel:
    return FactorModel(
        "als",
        0.0,
        np.arange(users, dtype=np.int32),
        np.zeros(users),
        np.empty((users, 0), np.float32),
        np.arange(songs, dtype=np.int32),
        np.zeros(songs),
        np.empty((songs, 0), np.float32),
    )


def test_planted_factors_are_recovered(spark: SparkSession) -> None:
    random = np.random.default_rng(2)
    users, songs = random.normal(size=(USERS, RANK)), random.normal(size=(SONGS, RANK))
    pairs = np.argwhere(random.random((USERS, SONGS)) < 0.5)
    truth = np.einsum("ij,ij->i", users[pairs[:, 0]], songs[pairs[:, 1]])
    rows = [(int(u), int(s), float(t)) for (u, s), t in zip(pairs, truth, strict=True)]
    targets = spark.createDataFrame(rows, als._TARGETS)
    model = als.fit(targets, base(USERS, SONGS), regularization=1e-6, **ALS)
    assert np.rad2deg(subspace_angles(model.song_factors, songs)).max() < 0.5
    assert np.rad2deg(subspace_angles(model.user_factors, users)).max() < 0.5
    scores, _, _ = model.score(pairs[:, 0], pairs[:, 1])
    np.testing.assert_allclose(scores, truth, atol=0.02)


def test_residuals_by_hand(spark: SparkSession) -> None:
    rows = ratings(spark, [(0, 0, 5), (0, 1, 2), (1, 0, 1)])
    model, _ = bias.fit(user_blocks(rows), 1.0, 1.0, tolerance=1e-9, max_iterations=100)
    found = als.residuals(rows, model).collect()
    for row, stars in zip(found, (5, 2, 1), strict=True):
        expected = stars - model.mean - model.user_offsets[row.user_id]
        expected -= model.song_offsets[row.song_id]
        assert row.target == pytest.approx(expected, abs=1e-6)


def test_the_same_twice(spark: SparkSession) -> None:
    rows = [(u, s, float((u * s) % 5)) for u in range(20) for s in range(0, 15, 1 + u % 3)]
    targets = spark.createDataFrame(rows, als._TARGETS)
    first, second = (
        als.fit(targets, base(20, 15), regularization=0.1, **ALS).song_factors for _ in range(2)
    )
    np.testing.assert_allclose(first, second, atol=1e-5)
