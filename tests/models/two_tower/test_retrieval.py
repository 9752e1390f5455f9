"""The softmax over a batch's songs by hand, and what it finds in planted listening."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shard_files
import tensorflow as tf
import told

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.two_tower import stopping, training
from ymr_spark.models.two_tower.retrieval import RetrievalTowers
from ymr_spark.sources.r2.scale import R2

RATINGS = {
    "user_index": np.array([0, 3, 2]),
    "song_index": np.array([0, 1, 4, 0]),
    "album_index": np.array([0, 1, 4]),
}
USERS = np.array([[0, 0], [1, 2], [0.5, -1]])
SONGS = np.array([[0, 0, 0], [0.1, 0.5, 0], [0.2, 0, 1], [0, 0, 0]])
ALBUMS = np.array([[0, 0, 0], [0, 0.25, 0], [0.3, 0, 0.5]])


def towers(negatives: int = 512) -> RetrievalTowers:
    model = RetrievalTowers(
        RATINGS,
        3.0,
        R2,
        attributes=("album",),
        dimension=2,
        negatives=negatives,
        l2=1.0,
        seed=1,
    )
    model.user_tower.table.assign(USERS)
    model.song_tower.table.assign(np.r_[SONGS, ALBUMS])
    return model


def batch(users: list[int], songs: list[int], albums: list[int]) -> dict[str, tf.Tensor]:
    columns = {"user_index": users, "song_index": songs, "album_index": albums}
    return {name: tf.constant(values, tf.int32) for name, values in columns.items()}


def by_hand(users: list[int], songs: list[int], albums: list[int]) -> float:
    """-log of the softmax of each row's song, chances of the batch's songs taken off."""
    rows = SONGS[songs] + ALBUMS[albums]
    total = 0.0
    for i, user in enumerate(users):
        # ln n + b + p · q - ln n: the correction takes the popularity off again.
        logits = rows[:, 0] + rows[:, 1:] @ USERS[user]
        again = [j for j, song in enumerate(songs) if song == songs[i] and j != i]
        logits[again] = -np.inf
        total += np.log(np.exp(logits).sum()) - logits[i]
    return total


ROWS = [1, 2, 1, 2], [1, 2, 2, 1], [1, 2, 2, 1]


def test_the_loss_by_hand() -> None:
    assert float(towers().compute_loss(batch(*ROWS))) == pytest.approx(by_hand(*ROWS), rel=1e-5)


def test_groups_of_a_batch_stand_against_their_own_songs() -> None:
    halves = [by_hand(*(column[part] for column in ROWS)) for part in (slice(2), slice(2, 4))]
    assert float(towers(2).compute_loss(batch(*ROWS))) == pytest.approx(sum(halves), rel=1e-5)
    last = [column[:3] for column in ROWS]
    expected = halves[0] + by_hand(*(column[2:] for column in last))
    assert float(towers(2).sums(batch(*last))[0]) == pytest.approx(expected, abs=1e-5)


def test_a_popular_song_is_scored_by_its_popularity_too() -> None:
    model = towers()
    found = model(batch([1, 1, 1], [1, 2, 3], [1, 2, 0])).numpy()
    p = USERS[1]
    rows = SONGS[[1, 2, 3]] + ALBUMS[[1, 2, 0]]
    expected = np.log([1, 4, 0.5]) + rows[:, 0] + rows[:, 1:] @ p
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    catalogue = {
        "song_id": np.array([7, 8, 9], np.int32),
        "song_index": np.array([1, 2, 3], np.int32),
        "album_index": np.array([1, 2, 0], np.int32),
    }
    model_ = model.artifact("two_tower_retrieval", {"user": np.array([5, 6])}, catalogue)
    assert model_.link == "log_chance"
    np.testing.assert_allclose(model_.scores_of(5, np.zeros(0, int)), expected, rtol=1e-6)
    # Nobody knows of user 9 but what all listen to.
    rows[:, 1:] = 0
    np.testing.assert_allclose(
        model_.scores_of(9, np.zeros(0, int)), np.log([1, 4, 0.5]) + rows[:, 0], rtol=1e-6
    )


USERS_, SONGS_ = 300, 80
SETTINGS: dict[str, Any] = {
    **{"seed": 1, "dimension": 4, "l2": 2.0, "batch_size": 256, "negatives": 64},
    **{"stall_seconds": 60, "learning_rate": 2.0, "max_epochs": 8, "patience": 2},
    **{"tolerance": 0.0, "attributes": ("album", "artist")},
}


def listening(seed: int) -> tuple[dict[str, Ints], Floats]:
    """Train and validation rows of users who choose songs by popularity and taste, and the
    logarithms of the chances (users, songs)."""
    random = np.random.default_rng(seed)
    taste = random.normal(size=(USERS_, 2)) @ random.normal(size=(2, SONGS_))
    logits = random.normal(0, 1, SONGS_) + taste
    # The races of exponential times: the first 24 of each user.
    order = np.argsort(random.exponential(size=logits.shape) / np.exp(logits), axis=1)[:, :24]
    user = np.repeat(np.arange(USERS_), 24)
    rows = np.c_[user + 1, order.ravel() + 1, np.full(len(user), 3)]
    rows = rows[random.permutation(len(rows))]
    return {"train": rows[1_000:], "validation": rows[:1_000]}, logits


def test_who_listens_to_what_is_found(tmp_path: Path) -> None:
    splits, truth = listening(seed=3)
    folder = tmp_path / "shards"
    contents = shard_files.write(folder, splits)
    model, curve = training.fit("retrieval", folder, contents, tmp_path / "kept", **SETTINGS)
    assert all(point.validation_mse is None for point in curve)
    best = curve[stopping.best_epoch(curve)]
    assert told.known(best.validation_nats) < told.known(curve[0].validation_nats)
    songs: dict[str, Ints] = {"song_id": np.arange(1, SONGS_ + 1, dtype=np.int32)}
    songs |= {"song_index": songs["song_id"], **shard_files.content(songs["song_id"])}
    users = np.arange(1, USERS_ + 1)
    found = model.artifact("m", {"user": users}, songs)
    scores = found.song_offsets + found.user_factors @ found.song_factors.T
    popular = np.log(np.bincount(splits["train"][:, 1], minlength=SONGS_ + 1)[1:])

    def agreement(of: Floats) -> float:
        """The mean over users of the correlation with the true logarithms of chances."""
        return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(of, truth, strict=True)]))

    assert agreement(scores) > agreement(np.tile(popular, (USERS_, 1))) + 0.2
    assert agreement(scores) > 0.8
