import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shard_files
import tensorflow as tf
import told

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.two_tower import progress, stopping, towers, training
from ymr_spark.models.two_tower.towers import Towers
from ymr_spark.records import learning_curve
from ymr_spark.records.learning_curve import Curve
from ymr_spark.shards import reader
from ymr_spark.shards.inventory import Inventory

NOISE = 0.5
USERS, SONGS = 200, 160
SETTINGS: dict[str, Any] = {
    "seed": 1,
    "dimension": 4,
    "l2": 32.0,
    "batch_size": 512,
    "stall_seconds": 60,
    "learning_rate": 2.0,
    "max_epochs": 3,
    "patience": 2,
    "tolerance": 0.0,
}
FORMS: dict[str, dict[str, Any]] = {
    "dot": {"attributes": ("album", "artist")},
    "mlp": {"layers": (16, 8)},
    "cross": {"width": 4, "song_dropout": 0.2},
}
COLD = np.arange(5, SONGS, 20)  # songs of an album each that has others


def planted(seed: int) -> dict[str, Ints]:
    """Whole stars near mean + b_u + b_s + p_u · q_s of rank 2, with normal noise of `NOISE`.

    Songs differ by their albums alone; those of `COLD` are in no split but cold.
    """
    random = np.random.default_rng(seed)
    albums = -(-SONGS // shard_files.SONGS_AN_ALBUM)
    album = np.arange(SONGS) // shard_files.SONGS_AN_ALBUM
    offsets = random.normal(0, 0.4, (USERS, 1)) + random.normal(0, 0.4, albums)[album]
    taste = random.normal(0, 0.7, (USERS, 2)) @ random.normal(0, 0.7, (2, albums))[:, album]
    stars = 3 + offsets + taste + random.normal(0, NOISE, (USERS, SONGS))
    user, song = np.divmod(random.permutation(USERS * SONGS), SONGS)
    rows = np.c_[user + 1, song + 1, np.clip(np.rint(stars[user, song]), 1, 5)].astype(int)
    cold = np.isin(rows[:, 1], COLD)
    warm, held_out = rows[~cold], len(rows) // 10
    return {"train": warm[held_out:], "validation": warm[:held_out], "cold": rows[cold]}


ROWS = planted(seed=5)
Shards = tuple[Path, Inventory]
Fitted = tuple[str, Towers, Curve]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    folder = tmp_path_factory.mktemp("planted")
    return folder, shard_files.write(folder, {s: ROWS[s] for s in ("train", "validation")})


def fit(shards: Shards, checkpoints: Path, network: str = "dot", **changed: Any) -> Fitted:
    settings = SETTINGS | FORMS[network] | changed
    return network, *training.fit(network, *shards, checkpoints, **settings)


def weights(fitted: Fitted) -> list[Floats]:
    return [variable.numpy() for variable in fitted[1].trainable_variables]


def stars(model: Towers, rows: Ints, songs: Ints | None = None) -> Floats:
    """Predictions of (user, song, rating) rows, of other song indices where given."""
    columns = shard_files.content(rows[:, 1])
    columns |= {"user_index": rows[:, 0], "song_index": rows[:, 1] if songs is None else songs}
    inputs = [columns[name].astype(np.int32) for name in model.features]
    found: Floats = model.predict_stars(*inputs).numpy()
    return found


@pytest.fixture(scope="module", params=[*FORMS])
def straight(
    request: pytest.FixtureRequest, shards: Shards, tmp_path_factory: pytest.TempPathFactory
) -> Fitted:
    """Three epochs without a break."""
    return fit(shards, tmp_path_factory.mktemp("straight"), request.param)


# Rounding to whole stars adds 1/12 to the noise; offsets alone leave about 0.75.
FLOOR = NOISE**2 + 1 / 12


@pytest.mark.parametrize("network", ["dot", "cross"])
def test_planted_tastes_are_learned(shards: Shards, tmp_path: Path, network: str) -> None:
    _, model, curve = fit(shards, tmp_path, network, max_epochs=20)
    best = told.known(curve[stopping.best_epoch(curve)].validation_mse)
    assert 0.9 * FLOOR < best < 1.25 * FLOOR
    rows = ROWS["validation"]
    assert np.mean((stars(model, rows) - rows[:, 2]) ** 2) == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("network", ["dot", "cross"])
def test_songs_that_nobody_rated_are_scored_by_their_content(
    shards: Shards, tmp_path: Path, network: str
) -> None:
    _, model, _ = fit(shards, tmp_path, network, max_epochs=8)
    rows = ROWS["cold"]
    nobody = np.zeros(len(rows), int)
    assert np.mean((stars(model, rows, nobody) - rows[:, 2]) ** 2) < 1.35 * FLOOR
    # With the content of another album the answer is wrong.
    elsewhere = np.c_[rows[:, 0], (rows[:, 1] + SONGS // 2 - 1) % SONGS + 1]
    assert np.mean((stars(model, elsewhere, nobody) - rows[:, 2]) ** 2) > 2 * FLOOR


def test_the_mlp_learns_more_than_the_mean(shards: Shards, tmp_path: Path) -> None:
    _, _, curve = fit(shards, tmp_path, "mlp", max_epochs=8)
    best = min(told.known(epoch.validation_mse) for epoch in curve)
    assert best < 0.6 * np.var(ROWS["validation"][:, 2])


def test_train_mse_is_that_of_all_batches(straight: Fitted) -> None:
    curve = straight[2]
    assert [point.epoch for point in curve] == [1, 2, 3]
    first, second, third = (told.known(point.train_mse) for point in curve)
    assert first > second > third


def test_the_same_seed_gives_the_same_weights(
    shards: Shards, straight: Fitted, tmp_path: Path
) -> None:
    again = fit(shards, tmp_path / "again", straight[0])
    for one, other in zip(weights(straight), weights(again), strict=True):
        np.testing.assert_array_equal(one, other)
    another = fit(shards, tmp_path / "another", straight[0], seed=2, max_epochs=1)
    assert not np.array_equal(weights(another)[0], weights(again)[0])


def test_a_resumed_training_ends_with_the_same_weights(
    shards: Shards, straight: Fitted, tmp_path: Path
) -> None:
    fit(shards, tmp_path, straight[0], max_epochs=2)
    resumed = fit(shards, tmp_path, straight[0])
    for one, other in zip(weights(straight), weights(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    found, expected = (
        [point.model_copy(update={"seconds": 0.0}) for point in fitted[2]]
        for fitted in (resumed, straight)
    )
    assert found == expected
    assert len(list(tmp_path.glob("*.index"))) == progress.CHECKPOINTS_KEPT


def test_the_best_epochs_weights_are_kept(shards: Shards, tmp_path: Path) -> None:
    # Hardly held back and with far too many factors for the rows it soon over-fits.
    changed: dict[str, Any] = {"l2": 0.5, "dimension": 64, "learning_rate": 4.0, "max_epochs": 40}
    fitted = fit(shards, tmp_path, **changed)
    assert np.isfinite([told.known(point.validation_mse) for point in fitted[2]]).all()
    best = stopping.best_epoch(fitted[2])
    assert 0 < best == len(fitted[2]) - 1 - SETTINGS["patience"]
    at_best = fit(shards, tmp_path / "shorter", **changed | {"max_epochs": best + 1})
    np.testing.assert_array_equal(weights(fitted)[0], weights(at_best)[0])


class Stalling:
    """Petastorm's reader on a disk that does not answer until it is told to."""

    def __init__(self) -> None:
        self.answers = threading.Event()

    def __iter__(self) -> Iterator[Any]:
        self.answers.wait()
        yield from ()

    def stop(self) -> None: ...

    def join(self) -> None: ...


def test_shards_that_do_not_come_are_an_error(
    shards: Shards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Stalling()
    monkeypatch.setattr(reader, "make_batch_reader", lambda *_, **__: disk)
    with pytest.raises(EnvironmentProblem, match=r"no row group arrived within 0.5 s.*raise"):
        fit(shards, tmp_path, stall_seconds=0.5)
    disk.answers.set()


def test_without_a_rate_nothing_is_learned(shards: Shards, tmp_path: Path) -> None:
    changed: dict[str, Any] = {"learning_rate": 1e-9, "max_epochs": 2}
    first, second = fit(shards, tmp_path, **changed)[2]
    assert second.validation_mse == pytest.approx(first.validation_mse, rel=1e-6)


def test_early_stopping() -> None:
    curve = told.curve(*((1.0, mse) for mse in (3.0, 1.0, 2.0, 1.5)))
    assert stopping.stopped(curve, 2)
    assert not stopping.stopped(curve, 3)
    assert not stopping.stopped([], 1)
    falling = told.curve(*((1.0, mse) for mse in (3.0, 2.0, 1.9, 1.8)))
    assert stopping.stopped(falling[:3], 1, tolerance=0.15)
    assert not stopping.stopped(falling, 2, tolerance=0.15)  # the last two gained 0.2 together
    assert not stopping.stopped(falling[:3], 1, tolerance=0.05)
    broken = told.curve(*((1.0, mse) for mse in (math.nan, 2.0, math.nan)))
    assert stopping.best_epoch(broken) == 1
    diverged = told.curve(*[(1.0, math.nan)] * 3)
    assert stopping.stopped(diverged, 2)
    unjudged = told.curve(*[(1.0, None)] * 9)
    assert not stopping.stopped(unjudged, 1)


def test_without_validation_rows_the_last_epoch_is_kept(tmp_path: Path) -> None:
    contents = shard_files.write(tmp_path / "shards", {"train": ROWS["train"]})
    shards = tmp_path / "shards", contents
    fitted = fit(shards, tmp_path / "checkpoints", max_epochs=4, patience=1)
    assert [epoch.validation_mse for epoch in fitted[2]] == [None] * 4
    judged = ROWS["validation"]
    first = fit(shards, tmp_path / "first", max_epochs=1, patience=1)
    last, earlier = (np.mean((stars(f[1], judged) - judged[:, 2]) ** 2) for f in (fitted, first))
    assert last < 0.95 * earlier


def test_unknown_users_and_songs_are_never_trained(straight: Fitted) -> None:
    tables = [w for w in weights(straight) if len(w) > SONGS]
    assert len(tables) == 2
    assert not any(table[0].any() for table in tables)


def test_a_saved_model_scores_alike(straight: Fitted, tmp_path: Path) -> None:
    model, rows = straight[1], ROWS["validation"][:50]
    towers.keep(model, straight[2], tmp_path)
    assert learning_curve.loads((tmp_path / "learning_curve.json").read_text()) == straight[2]
    loaded = tf.saved_model.load(str(tmp_path / "saved_model"))
    expected = stars(model, rows)
    columns = shard_files.content(rows[:, 1])
    columns |= {n: rows[:, i].astype(np.int32) for i, n in enumerate(("user_index", "song_index"))}
    inputs = {name: columns[name] for name in model.features}
    np.testing.assert_array_equal(loaded.predict_stars(*inputs.values()), expected)
    served = loaded.signatures["serving_default"](**inputs)
    np.testing.assert_array_equal(served["output_0"], expected)


def test_the_artifact_scores_alike(straight: Fitted) -> None:
    network, model, _ = straight
    ids = {"user": np.arange(1, USERS + 1), "song": np.arange(1, SONGS + 1)}
    songs = {"song_id": ids["song"], "song_index": ids["song"].astype(np.int32)}
    artifact = model.artifact(network, ids, songs | shard_files.content(ids["song"]))
    rows = ROWS["validation"]
    found, known = artifact.predict(rows[:, 0], rows[:, 1])
    np.testing.assert_allclose(found, stars(model, rows), atol=1e-5)
    assert known.all()


@pytest.mark.parametrize("network", [*FORMS])
def test_updated_by_the_validation_rows_it_is_better_for_them(tmp_path: Path, network: str) -> None:
    validation, train, test = *np.split(ROWS["train"][:7_000], [1_000]), ROWS["validation"]
    contents = shard_files.write(tmp_path / "a", {"train": train, "validation": validation})
    settings = SETTINGS | FORMS[network] | {"max_epochs": 12}
    chosen, curve = training.fit(network, tmp_path / "a", contents, tmp_path / "1", **settings)
    epochs = 1 + stopping.best_epoch(curve)
    as_chosen = [variable.numpy() for variable in chosen.learnt]
    ways = {name: settings[name] for name in settings.keys() - {"max_epochs", "patience"}}
    del ways["tolerance"]
    updated, again = (
        training.update(chosen, epochs, network, tmp_path / "a", contents, **ways) for _ in range(2)
    )
    found, once_more, before = (
        np.mean((stars(model, test) - test[:, 2]) ** 2) for model in (updated, again, chosen)
    )
    assert found < before
    assert found == once_more
    for kept, now in zip(as_chosen, chosen.learnt, strict=True):
        np.testing.assert_array_equal(kept, now.numpy())
