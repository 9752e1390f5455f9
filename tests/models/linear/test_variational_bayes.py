import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders import dense_ratings, flat_model
from pyspark.sql import SparkSession
from scipy.linalg import subspace_angles

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.linear import bias, variational_bayes
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.variational_bayes import Found, Posteriors, State
from ymr_spark.packing import by_song, by_user
from ymr_spark.sources.r2.scale import R2

BIAS: dict[str, Any] = {
    "user_damping": 1.0,
    "song_damping": 1.0,
    "tolerance": 1e-3,
    "max_iterations": 3,
}
Planted = tuple[Floats, Floats, Ints]  # users, songs and rows


def fitted(spark: SparkSession, rows: Ints | Floats, rank: int, count: int) -> tuple[State, float]:
    """The state after `count` iterations, and the ratings' mean."""
    columns = "user_id int, song_id int, rating double"
    listed = [(int(user), int(song), float(stars)) for user, song, stars in rows]
    frame = spark.createDataFrame(listed, columns)
    users, songs = by_user(frame), by_song(frame)
    base, _ = bias.fit(users, **BIAS)
    state = variational_bayes.begin(base, rank, seed=1)
    further = variational_bayes.iterations(users, songs, base.mean, state)
    for _ in range(count):
        state = next(further)
    users.unpersist()
    songs.unpersist()
    return state, base.mean


def covariances(side: variational_bayes.Posteriors) -> Floats:
    size = side.means.shape[1]
    full = np.zeros((len(side.ids), size, size))
    rows, columns = np.triu_indices(size)
    full[:, rows, columns] = full[:, columns, rows] = side.covariances
    return full


def test_an_iteration_follows_its_formula(spark: SparkSession) -> None:
    rows = dense_ratings(12, 9, 0.6, seed=3)
    before, mean = fitted(spark, rows, rank=2, count=2)
    after, _ = fitted(spark, rows, rank=2, count=3)
    spread = covariances(before.songs)
    second, squared = np.zeros((3, 3)), 0.0
    for user in range(12):
        weight, pulled = np.linalg.inv(before.users.prior), np.zeros(3)
        for _, song, stars in rows[rows[:, 0] == user]:
            offset, factors = before.songs.means[song, 0], before.songs.means[song, 1:]
            x = np.array([1, *factors])
            v = spread[song]
            moment = np.outer(x, x)
            moment[1:, 1:] += v[1:, 1:]
            weight = weight + moment / before.noise
            pulled += ((stars - mean - offset) * x - np.array([0, *v[0, 1:]])) / before.noise
        covariance = np.linalg.inv(weight)
        np.testing.assert_allclose(after.users.means[user], covariance @ pulled, atol=1e-4)
        np.testing.assert_allclose(covariances(after.users)[user], covariance, atol=1e-4)
        second += (np.outer(covariance @ pulled, covariance @ pulled) + covariance) / 12
    np.testing.assert_allclose(after.users.prior, second, atol=1e-4)
    # The noise is the expected squared error under both posteriors, here by drawing from them.
    random = np.random.default_rng(0)
    draw = {
        side: [
            random.multivariate_normal(m, c, 20_000)
            for m, c in zip(posterior.means, covariances(posterior), strict=True)
        ]
        for side, posterior in (("u", after.users), ("s", after.songs))
    }
    for user, song, stars in rows:
        u, s = draw["u"][user], draw["s"][song]
        score = mean + u[:, 0] + s[:, 0] + np.sum(u[:, 1:] * s[:, 1:], axis=1)
        squared += np.mean((stars - score) ** 2) / len(rows)
    assert after.noise == pytest.approx(squared, rel=0.01)


@pytest.fixture(scope="module")
def planted() -> Planted:
    """Whole-number factors of 80 users and 60 songs, and ratings that they give without noise."""
    random = np.random.default_rng(5)
    users = random.integers(-3, 4, (80, 2)) + 0.0
    songs = random.integers(-3, 4, (60, 2)) + 0.0
    users, songs = users - users.mean(axis=0).round(), songs - songs.mean(axis=0).round()
    pairs = dense_ratings(80, 60, 0.6, seed=6)[:, :2]
    stars = 3 + np.einsum("ij,ij->i", users[pairs[:, 0]], songs[pairs[:, 1]])
    return users, songs, np.c_[pairs, stars].astype(int)


def test_planted_factors_are_recovered(spark: SparkSession, planted: Planted) -> None:
    users, songs, rows = planted
    state, mean = fitted(spark, rows, rank=2, count=15)
    found = (state.users.means[:, 1:], state.songs.means[:, 1:])
    for own, truth in zip(found, (users, songs), strict=True):
        centred = own - own.mean(axis=0), truth - truth.mean(axis=0)
        assert np.rad2deg(subspace_angles(*centred)).max() < 1
    model = variational_bayes.factor_model(flat_model(mean, 0, 0), state)
    scores, _, _ = model.score(rows[:, 0], rows[:, 1])
    np.testing.assert_allclose(scores, rows[:, 2], atol=0.1)
    assert state.noise < 0.01


@pytest.mark.cluster
def test_half_stars_are_as_good_as_whole_ones(spark: SparkSession, planted: Planted) -> None:
    halved = planted[2] / np.array([1, 1, 2])
    state, mean = fitted(spark, halved, rank=2, count=15)
    assert np.unique(halved[:, 2] % 1).tolist() == [0, 0.5]
    for own, truth in zip((state.users, state.songs), planted, strict=False):
        centred = own.means[:, 1:] - own.means[:, 1:].mean(axis=0), truth - truth.mean(axis=0)
        assert np.rad2deg(subspace_angles(*centred)).max() < 1
    model = variational_bayes.factor_model(flat_model(mean, 0, 0), state)
    scores, _, _ = model.score(*planted[2][:, :2].T)
    np.testing.assert_allclose(scores, halved[:, 2], atol=0.1)


def test_a_factor_too_many_is_pruned(spark: SparkSession, planted: Planted) -> None:
    """No rank has to be searched for: the covariance of what is not there goes to zero."""
    noisy = (
        planted[2]
        + np.c_[
            np.zeros((len(planted[2]), 2), int),
            np.random.default_rng(7).normal(0, 2, len(planted[2])).round().astype(int),
        ]
    )
    state, _ = fitted(spark, noisy, rank=4, count=15)
    strengths = np.sort(np.linalg.norm(state.songs.means[:, 1:], axis=0))
    scores = state.users.means[:, 1:] @ state.songs.means[:, 1:].T
    values = np.linalg.svd(scores, compute_uv=False)
    assert strengths[-1] > 0
    assert values[2] < 0.1 * values[1]
    assert state.noise == pytest.approx(4, rel=0.15)


def test_the_same_however_rows_are_partitioned(spark: SparkSession) -> None:
    rows = dense_ratings(30, 20, 0.4, seed=8)
    straight, _ = fitted(spark, rows, rank=2, count=3)
    shuffled, _ = fitted(spark, np.random.default_rng(0).permutation(rows), rank=2, count=3)
    np.testing.assert_allclose(straight.users.means, shuffled.users.means, atol=1e-5)
    np.testing.assert_allclose(straight.songs.means, shuffled.songs.means, atol=1e-5)


def test_a_state_survives_as_a_checkpoint(spark: SparkSession) -> None:
    state, _ = fitted(spark, dense_ratings(6, 5, 0.8, seed=9), rank=2, count=1)
    again = variational_bayes.of_checkpoint(variational_bayes.checkpoint(state))
    assert again.noise == state.noise
    assert again.iteration == 1
    for side in ("users", "songs"):
        for name, value in vars(getattr(state, side)).items():
            np.testing.assert_array_equal(getattr(getattr(again, side), name), value)


def test_it_begins_at_the_bias_model() -> None:
    ids = np.array([4, 7], np.int32)
    base = FactorModel.of_offsets("bias", 3.0, (ids, np.ones(2)), (ids, np.arange(2.0)), R2)
    model = variational_bayes.factor_model(base, variational_bayes.begin(base, 3, seed=1))
    scores, _, _ = model.score(ids, ids)
    np.testing.assert_allclose(scores, [4.0, 5.0])


def test_what_tasks_are_sent_goes_by_ids_that_exist() -> None:
    far = np.array([0, 5, 2**24 - 1], np.int32)
    state = variational_bayes.begin(replace(flat_model(3.0, 3, 3), user_ids=far), 2, seed=1)
    assert len(pickle.dumps(variational_bayes._seen(state.users))) < 2 * 2**20


def test_what_was_found_in_other_ratings_is_where_a_fit_begins() -> None:
    base = flat_model(3.0, users=2, songs=3)
    prior: Floats = np.array([[2.0, 0.5], [0.5, 1.0]])
    known = Posteriors(
        np.array([0, 2, 9], np.int32),
        np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]),
        np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32),
        prior,
    )
    of_users: Floats = 3 * prior
    found = Found(known, of_users, noise=0.7)
    state = variational_bayes.begin_with(base, Found.of_npz(found.as_npz()))
    assert (state.noise, state.iteration) == (0.7, 0)
    np.testing.assert_array_equal(state.users.prior, 3 * prior)
    np.testing.assert_array_equal(state.users.ids, [0, 1])
    # Song 1 is new: at its prior, whose triangle is (2, 0.5, 1).
    np.testing.assert_array_equal(state.songs.ids, [0, 1, 2, 9])
    means = state.songs.means[:3].ravel()
    np.testing.assert_array_equal(means, [0.1, 0.2, 0.0, 0.0, 0.3, 0.4])
    np.testing.assert_array_equal(state.songs.covariances[1], [2, 0.5, 1])
