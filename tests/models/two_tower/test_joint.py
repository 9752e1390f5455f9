"""Stars and listening from the same vectors: loss and scores by hand, and what both learn."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shard_files
import tensorflow as tf
from test_retrieval import ALBUMS, RATINGS, ROWS, SONGS, USERS, batch, by_hand

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.two_tower import training
from ymr_spark.models.two_tower.joint import JointTowers
from ymr_spark.models.two_tower.joint_model import JointModel
from ymr_spark.sources.r2.scale import R2

B_U, B_S = np.array([0, 0.3, -0.2]), np.array([0, 0.1, -0.4, 0])
LIKED = np.array([[0, 0], [0.4, -0.3], [0.2, 0.6], [-0.5, 0.1]])
LIKED_ALBUMS = np.array([[0, 0], [0.3, 0.2], [-0.1, 0.4]])


def towers(listening: float = 0.5) -> JointTowers:
    """Of the listening of test_retrieval."""
    model = JointTowers(
        RATINGS,
        3.0,
        R2,
        attributes=("album",),
        dimension=2,
        negatives=512,
        listening=listening,
        l2=1.0,
        seed=1,
    )
    model.user_tower.table.assign(np.c_[B_U, USERS])
    rows = np.c_[B_S, LIKED, SONGS], np.c_[np.zeros(3), LIKED_ALBUMS, ALBUMS]
    model.song_tower.table.assign(np.concatenate(rows))
    return model


def score(user: int, song: int, album: int) -> float:
    q = LIKED[song] + LIKED_ALBUMS[album]
    return float(B_U[user] + B_S[song] + USERS[user] @ q)


def test_the_loss_by_hand() -> None:
    """Listening counts for half of the rows, whole ones."""
    model, stars = towers(), np.array([5, 4, 1, 2], np.float32)
    inputs = batch(*ROWS) | {"rating": tf.constant(stars)}
    scores = np.array([score(*row) for row in zip(*ROWS, strict=True)])
    shares, given = 1 / (1 + np.exp(-scores)), (stars - 1) / 4
    rated = -8 * (given * np.log(shares) + (1 - given) * np.log(1 - shares)).sum()
    expected = rated / (2 * R2.variance) + by_hand(*(column[:2] for column in ROWS))
    assert float(model.compute_loss(inputs)) == pytest.approx(expected, rel=1e-5)
    loss, squared = model.sums(inputs)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert float(squared) == pytest.approx(((1 + 4 * shares - stars) ** 2).sum(), rel=1e-5)


def test_a_squared_error_is_as_many_nats_as_ratings_vary() -> None:
    model, stars = towers(), np.array([5, 4, 1, 2], np.float32)
    inputs = batch(*ROWS) | {"rating": tf.constant(stars)}
    before, listening = float(model.compute_loss(inputs)), by_hand(*(c[:2] for c in ROWS))
    model.expect_error(R2.variance / 4)
    assert float(model.compute_loss(inputs)) - listening == pytest.approx(
        4 * (before - listening), rel=1e-5
    )


def test_both_scores_by_hand_and_back() -> None:
    catalogue = {
        "song_id": np.array([7, 8], np.int32),
        "song_index": np.array([1, 2], np.int32),
        "album_index": np.array([1, 2], np.int32),
    }
    model = towers().artifact("two_tower_joint", {"user": np.array([5, 6])}, catalogue)
    tables = JointModel.of_tables(model.name, model.mean, model.scale, model.link, model.tables())
    for found in (model, tables, JointModel.of_npz(model.as_npz())):
        stars, known = found.predict(np.array([5, 6]), np.array([7, 8]))
        expected = [score(1, 1, 1), score(2, 2, 2)]
        np.testing.assert_allclose(stars, 1 + 4 / (1 + np.exp(-np.array(expected))), rtol=1e-6)
        assert known.all()
        rows = SONGS[[1, 2]] + ALBUMS[[1, 2]]
        listening = np.log([1, 4]) + rows[:, 0] + rows[:, 1:] @ USERS[1]
        np.testing.assert_allclose(
            found.ranker.scores_of(5, np.zeros(0, int)), listening, rtol=1e-6
        )
        assert (found.ranker.link, found.rating.link) == ("log_chance", "logistic")


N_USERS, N_SONGS = 250, 80
SETTINGS: dict[str, Any] = {
    **{"seed": 1, "dimension": 6, "l2": 2.0, "batch_size": 256, "negatives": 64},
    **{"stall_seconds": 60, "learning_rate": 2.0, "max_epochs": 10, "patience": 3},
    **{"tolerance": 0.0, "attributes": (), "listening": 1.0},
}


def planted(seed: int) -> tuple[dict[str, Ints], Floats, Floats]:
    """Rows of users who listen by one taste and rate by another; the true stars, and the
    logarithms of chances, (users, songs) each."""
    random = np.random.default_rng(seed)
    chosen = random.normal(size=(N_USERS, 2)) @ random.normal(size=(2, N_SONGS))
    liked = random.normal(size=(N_USERS, 2)) @ random.normal(size=(2, N_SONGS))
    order = np.argsort(random.exponential(size=chosen.shape) / np.exp(chosen), axis=1)[:, :30]
    user, song = np.repeat(np.arange(N_USERS), 30), order.ravel()
    noisy = 3 + liked[user, song] + random.normal(0, 0.3, len(user))
    rows = np.c_[user + 1, song + 1, np.clip(np.rint(noisy), 1, 5)].astype(int)
    rows = rows[random.permutation(len(rows))]
    return {"train": rows[700:], "validation": rows[:700]}, np.clip(3 + liked, 1, 5), chosen


def agreement(of: Floats, truth: Floats) -> float:
    """The mean over users of the correlation."""
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(of, truth, strict=True)]))


def test_one_model_learns_two_tastes(tmp_path: Path) -> None:
    splits, stars, chosen = planted(seed=3)
    contents = shard_files.write(tmp_path / "shards", splits)
    network, _ = training.fit("joint", tmp_path / "shards", contents, tmp_path / "kept", **SETTINGS)
    songs: dict[str, Ints] = {"song_id": np.arange(1, N_SONGS + 1, dtype=np.int32)}
    songs |= {"song_index": songs["song_id"]}
    users = np.arange(1, N_USERS + 1)
    model = network.artifact("m", {"user": users}, songs)
    by_rating, by_listening = (
        part.song_offsets + part.user_factors @ part.song_factors.T
        for part in (model.rating, model.ranker)
    )
    assert agreement(by_rating, stars) > 0.6
    assert agreement(by_listening, chosen) > 0.6
    assert agreement(by_rating, stars) > agreement(by_listening, stars) + 0.3
    assert agreement(by_listening, chosen) > agreement(by_rating, chosen) + 0.3
