from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import told
from builders import dense_ratings, ratings
from pyspark.sql import SparkSession

from ymr_spark.models.held_out import HeldOut
from ymr_spark.models.linear import bias, latent_factor, triangles, variational_bayes
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.latent_factor import converged
from ymr_spark.packing import Packed, by_song, by_user
from ymr_spark.records.learning_curve import Curve

BIAS: dict[str, Any] = {
    "user_damping": 1.0,
    "song_damping": 1.0,
    "tolerance": 1e-6,
    "max_iterations": 50,
}
Inputs = tuple[Packed, Packed, FactorModel, HeldOut]


@pytest.fixture(scope="module")
def inputs(spark: SparkSession) -> Inputs:
    rows = dense_ratings(30, 20, 0.5, seed=1)
    frame = ratings(spark, [(int(u), int(s), int(r)) for u, s, r in rows[::2]])
    base, _ = bias.fit(by_user(frame), **BIAS)
    return by_user(frame), by_song(frame), base, HeldOut(*rows[1::2].T)


def fit(inputs: Inputs, folder: Path, **settings: Any) -> tuple[FactorModel, Curve]:
    folder.mkdir(exist_ok=True)
    settings = {"rank": 2, "max_iterations": 4, "tolerance": -1.0, "seed": 3} | settings
    state, curve = latent_factor.fit(*inputs, folder, **settings)
    return variational_bayes.factor_model(inputs[2], state), curve


def test_a_killed_training_goes_on_to_the_same_model(inputs: Inputs, tmp_path: Path) -> None:
    straight, curve = fit(inputs, tmp_path / "straight")
    fit(inputs, tmp_path / "killed", max_iterations=2)
    killed = tmp_path / "killed"
    assert sorted(p.name for p in killed.iterdir()) == ["2.npz", "curve.json"]
    # Killed after the state of iteration 3 was written and before the curve names it.
    (killed / "3.npz").write_bytes(b"half")
    resumed, resumed_curve = fit(inputs, killed)
    np.testing.assert_array_equal(resumed.user_factors, straight.user_factors)
    np.testing.assert_array_equal(resumed.song_offsets, straight.song_offsets)
    assert [e.validation_mse for e in resumed_curve] == [e.validation_mse for e in curve]


def test_the_seed_decides(inputs: Inputs, tmp_path: Path) -> None:
    first, _ = fit(inputs, tmp_path / "1")
    other, _ = fit(inputs, tmp_path / "2", seed=4)
    assert np.abs(first.song_factors - other.song_factors).max() > 1e-3


def test_the_curve_is_of_the_validation_rows(inputs: Inputs, tmp_path: Path) -> None:
    model, curve = fit(inputs, tmp_path / "1")
    users, songs, stars = vars(inputs[3]).values()
    expected = np.mean(
        [
            (model.predict(np.array([u]), np.array([s]))[0][0] - r) ** 2
            for u, s, r in zip(users, songs, stars, strict=True)
        ]
    )
    assert curve[-1].validation_mse == pytest.approx(expected)
    assert [entry.epoch for entry in curve] == [1, 2, 3, 4]


def test_further_iterations_take_up_songs_that_had_no_rating(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = dense_ratings(30, 20, 0.5, seed=1)
    frame = ratings(spark, [(int(u), int(s), int(r)) for u, s, r in rows])
    known = rows[:, 1] != 7
    part = frame.where("song_id != 7")
    settings: dict[str, Any] = {"rank": 2, "max_iterations": 4, "tolerance": -1.0, "seed": 3}
    base, _ = bias.fit(by_user(part), **BIAS)
    held_out = HeldOut(*rows[~known].T)
    sides = by_user(part), by_song(part)
    state, _ = latent_factor.fit(*sides, base, held_out, tmp_path, **settings)
    assert 7 not in state.songs.ids
    everything, _ = bias.fit(by_user(frame), **BIAS)
    # What nobody has rated is at its prior: it pulls no user anywhere.
    begun = variational_bayes.with_songs(state, everything.song_ids)
    new = begun.songs.ids == 7
    np.testing.assert_array_equal(begun.songs.ids, everything.song_ids)
    np.testing.assert_array_equal(begun.songs.means[new], [[0, 0, 0]])
    unknown = triangles.full(begun.songs.covariances[new], 3)[0]
    np.testing.assert_allclose(unknown, state.songs.prior, rtol=1e-6)
    np.testing.assert_array_equal(begun.songs.means[~new], state.songs.means)
    sides = by_user(frame), by_song(frame)
    *_, expected = islice(variational_bayes.iterations(*sides, everything.mean, begun), 2)
    further = latent_factor.update(*sides, everything, state)
    np.testing.assert_array_equal(further.users.means, expected.users.means)
    before, after = (
        held_out.mse(variational_bayes.factor_model(model, found), model)
        for model, found in ((base, state), (everything, further))
    )
    assert after < before


def test_it_stops_when_an_iteration_gains_too_little(inputs: Inputs, tmp_path: Path) -> None:
    _, curve = fit(inputs, tmp_path / "1", tolerance=100.0)
    assert len(curve) == 2
    assert not converged(told.curve((1.0, 2.0), (1.0, 1.9)), 0.05)
    assert converged(told.curve((1.0, 2.0), (1.0, 1.9)), 0.15)
    assert converged(told.curve((1.0, 1.9), (1.0, 2.0)), 0.0)
