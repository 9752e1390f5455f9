from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shard_files
import tensorflow as tf

from ymr_spark.models import two_tower, two_tower_training
from ymr_spark.models.two_tower import TwoTowerDot
from ymr_spark.shards.manifest import Manifest

NOISE = 0.5
SETTINGS = {
    "seed": 1,
    "dimension": 4,
    "l2": 0.01,
    "batch_size": 512,
    "stall_seconds": 60,
    "learning_rate": 0.1,
    "initial_accumulator": 1e-7,
    "max_epochs": 3,
    "patience": 2,
}


def planted(users: int, songs: int, seed: int) -> dict[str, np.ndarray]:
    """Whole stars near mean + b_u + b_s + p_u · q_s of rank 2, with normal noise of `NOISE`."""
    random = np.random.default_rng(seed)
    offsets = random.normal(0, 0.4, (users, 1)) + random.normal(0, 0.4, songs)
    taste = random.normal(0, 0.7, (users, 2)) @ random.normal(0, 0.7, (2, songs))
    stars = 3 + offsets + taste + random.normal(0, NOISE, (users, songs))
    user, song = np.divmod(random.permutation(users * songs), songs)
    rows = np.c_[user + 1, song + 1, np.clip(np.rint(stars[user, song]), 1, 5)].astype(int)
    held_out = len(rows) // 10
    return {"train": rows[held_out:], "validation": rows[:held_out]}


Shards = tuple[Path, Manifest]
Fitted = tuple[TwoTowerDot, two_tower_training.Curve]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    folder = tmp_path_factory.mktemp("planted")
    return folder, shard_files.write(folder, planted(200, 150, seed=5))


def fit(shards: Shards, checkpoints: Path, **changed: Any) -> Fitted:
    return two_tower_training.fit(*shards, checkpoints, **SETTINGS | changed)


def weights(model: TwoTowerDot) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.trainable_variables]


@pytest.fixture(scope="module")
def straight(shards: Shards, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """Three epochs without a break."""
    return fit(shards, tmp_path_factory.mktemp("straight"))


def test_planted_tastes_are_learned(shards: Shards, tmp_path: Path) -> None:
    model, curve = fit(shards, tmp_path, max_epochs=20)
    best = curve[two_tower_training.best_epoch(curve)]["validation_mse"]
    # Rounding to whole stars adds 1/12 to the noise; offsets alone leave about 0.75.
    noise = NOISE**2 + 1 / 12
    assert 0.9 * noise < best < 1.25 * noise
    rows = planted(200, 150, seed=5)["validation"]
    stars = model.predict_stars(rows[:, 0].astype(np.int32), rows[:, 1].astype(np.int32))
    assert np.mean((stars.numpy() - rows[:, 2]) ** 2) == pytest.approx(best, rel=1e-5)


def test_train_mse_is_that_of_all_batches(
    straight: Fitted,
) -> None:
    curve = straight[1]
    assert [epoch["epoch"] for epoch in curve] == [1, 2, 3]
    assert curve[0]["train_mse"] > curve[1]["train_mse"] > curve[2]["train_mse"]


def test_the_same_seed_gives_the_same_weights(
    shards: Shards, straight: Fitted, tmp_path: Path
) -> None:
    again, _ = fit(shards, tmp_path / "again")
    for one, other in zip(weights(straight[0]), weights(again), strict=True):
        np.testing.assert_array_equal(one, other)
    another, _ = fit(shards, tmp_path / "another", seed=2)
    assert not np.array_equal(weights(another)[0], weights(again)[0])


def test_a_resumed_training_ends_with_the_same_weights(
    shards: Shards, straight: Fitted, tmp_path: Path
) -> None:
    fit(shards, tmp_path, max_epochs=2)
    resumed, curve = fit(shards, tmp_path)
    for one, other in zip(weights(straight[0]), weights(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    same = ("epoch", "train_mse", "validation_mse")
    assert [[e[k] for k in same] for e in curve] == [[e[k] for k in same] for e in straight[1]]
    assert len(list(tmp_path.glob("*.index"))) == two_tower_training.CHECKPOINTS_KEPT


def test_the_best_epochs_weights_are_kept(shards: Shards, tmp_path: Path) -> None:
    # Without regularisation and with one factor too many for the rows it soon over-fits.
    changed = {"l2": 0.0, "dimension": 64, "learning_rate": 0.5, "max_epochs": 12}
    model, curve = fit(shards, tmp_path, **changed)
    best = two_tower_training.best_epoch(curve)
    assert best == len(curve) - 1 - SETTINGS["patience"]
    at_best, _ = fit(shards, tmp_path / "shorter", **changed | {"max_epochs": best + 1})
    np.testing.assert_array_equal(weights(model)[0], weights(at_best)[0])


def test_early_stopping() -> None:
    curve = [{"validation_mse": mse} for mse in (3.0, 1.0, 2.0, 1.5)]
    assert two_tower_training.stopped(curve, 2)
    assert not two_tower_training.stopped(curve, 3)
    assert not two_tower_training.stopped([], 1)


def by_hand() -> TwoTowerDot:
    """Two users and one song: score = 3 + b_u + b_s + p_u · q_s."""
    model = TwoTowerDot(2, 1, 3.0, dimension=2, l2=0.0, seed=1)
    model.user_tower.table.assign([[0, 0, 0], [0.5, 1, 2], [-1, 0, 1]])
    model.song_tower.table.assign([[0, 0, 0], [0.25, 0.5, -0.5]])
    return model


# Unknown users and songs (index 0) leave what is known of the other; 3.25 = 3 + 0.5 + 0.25 - 0.5.
USERS, SONGS = np.int32([1, 2, 0, 1, 0]), np.int32([1, 1, 1, 0, 0])
STARS = [3.25, 1.75, 3.25, 3.5, 3.0]


def test_scores_by_hand() -> None:
    model = by_hand()
    np.testing.assert_allclose(model.predict_stars(USERS, SONGS), STARS, rtol=1e-6)


def test_predictions_are_bounded() -> None:
    model = by_hand()
    model.user_tower.table.assign_add([[0, 0, 0], [9, 0, 0], [-9, 0, 0]])
    np.testing.assert_array_equal(model.predict_stars(USERS[:2], SONGS[:2]), [5, 1])


def test_unknown_is_never_trained(straight: Fitted) -> None:
    for table in weights(straight[0]):
        assert not table[0].any()
        assert table[1:].any(axis=1).all()


def test_the_factor_model_scores_alike() -> None:
    model = two_tower.factor_model("dot", by_hand(), np.int32([10, 20]), np.int32([7]))
    stars, known = model.predict(np.int32([10, 20, 99, 10, 99]), np.int32([7, 7, 7, 8, 8]))
    np.testing.assert_allclose(stars, STARS, rtol=1e-6)
    assert known.tolist() == [True, True, False, False, False]


def test_a_saved_model_scores_alike(straight: Fitted, tmp_path: Path) -> None:
    model = straight[0]
    two_tower.save(model, tmp_path / "saved")
    users, songs = np.int32([0, 1, 50, 200]), np.int32([3, 0, 150, 77])
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    expected = model.predict_stars(users, songs)
    np.testing.assert_array_equal(loaded.predict_stars(users, songs), expected)
    served = loaded.signatures["serving_default"](user_index=users, song_index=songs)
    np.testing.assert_array_equal(served["output_0"], expected)
