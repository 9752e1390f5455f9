import numpy as np
from pyspark.sql import SparkSession
from scipy.linalg import subspace_angles

from ymr_spark.models.linear import als
from ymr_spark.packing import by_song, by_user
from ymr_spark.ratings import with_scale
from ymr_spark.scale import Scale

USERS, SONGS, RANK = 60, 40, 2
ALS = {"rank": RANK, "iterations": 15, "blocks": 2, "checkpoint_interval": 5, "seed": 1}


def test_planted_factors_are_recovered(spark: SparkSession) -> None:
    random = np.random.default_rng(2)
    users, songs = random.normal(size=(USERS, RANK)), random.normal(size=(SONGS, RANK))
    pairs = np.argwhere(random.random((USERS, SONGS)) < 0.5)
    truth = np.einsum("ij,ij->i", users[pairs[:, 0]], songs[pairs[:, 1]])
    rows = [(int(u), int(s), float(t)) for (u, s), t in zip(pairs, truth, strict=True)]
    targets = spark.createDataFrame(rows, "user_id int, song_id int, rating float")
    # ALS reads numbers as they are; a scale is for predictions in stars.
    model = als.fit(with_scale(targets, Scale(-4, 4, 1)), regularization=1e-6, **ALS)
    assert np.rad2deg(subspace_angles(model.song_factors, songs)).max() < 0.5
    assert np.rad2deg(subspace_angles(model.user_factors, users)).max() < 0.5
    scores, _, _ = model.score(pairs[:, 0], pairs[:, 1])
    np.testing.assert_allclose(scores, truth, atol=0.02)


def test_users_solve_their_normal_equations(spark: SparkSession) -> None:
    # ALS-WR: (Σ q q^T + λ n I) p = Σ r q over the n songs that the user rated.
    rows = [(u, s, float(1 + (u * s + u) % 5)) for u in range(6) for s in range(0, 8, 1 + u % 3)]
    targets = spark.createDataFrame(rows, "user_id int, song_id int, rating float")
    model = als.fit(targets, regularization=0.3, **ALS)
    for user, own in zip(model.user_ids, model.user_factors, strict=True):
        rated = [(song, stars) for u, song, stars in rows if u == user]
        songs = model.song_factors[np.searchsorted(model.song_ids, [song for song, _ in rated])]
        weight = songs.T @ songs + 0.3 * len(rated) * np.eye(RANK)
        pulled = songs.T @ np.array([stars for _, stars in rated])
        np.testing.assert_allclose(own, np.linalg.solve(weight, pulled), rtol=1e-3, atol=1e-4)


def test_the_same_twice(spark: SparkSession) -> None:
    rows = [(u, s, float((u * s) % 5)) for u in range(20) for s in range(0, 15, 1 + u % 3)]
    targets = spark.createDataFrame(rows, "user_id int, song_id int, rating float")
    first, second = (als.fit(targets, regularization=0.1, **ALS).song_factors for _ in range(2))
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_a_further_iteration_is_one_of_als_that_also_knows_the_new_songs(
    spark: SparkSession,
) -> None:
    rows = [(u, s, float(1 + (u * s + u) % 5)) for u in range(9) for s in range(0, 8, 1 + u % 3)]
    frame = spark.createDataFrame(rows, "user_id int, song_id int, rating float")
    frame = with_scale(frame, Scale(1, 5, 1))
    packed = by_user(frame), by_song(frame)
    settled = als.fit(frame, regularization=0.3, **ALS | {"iterations": 100})
    again = als.update(*packed, settled, 0.3)
    for side in ("user_ids", "song_ids"):
        np.testing.assert_array_equal(getattr(again, side), getattr(settled, side))
    np.testing.assert_allclose(again.song_factors, settled.song_factors, atol=1e-3)
    np.testing.assert_allclose(again.user_factors, settled.user_factors, atol=1e-3)
    part = als.fit(frame.where("song_id != 5"), regularization=0.3, **ALS)
    assert 5 in als.update(*packed, part, 0.3).song_ids
    for blocks in packed:
        blocks.unpersist()
