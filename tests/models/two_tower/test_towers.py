"""Forward values of the two-tower models by hand, and their forms without TensorFlow."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.two_tower.deep_cross import CONTENT, CrossTowers
from ymr_spark.models.two_tower.dot import DotTowers
from ymr_spark.models.two_tower.mlp import MlpTowers
from ymr_spark.models.two_tower.towers import Towers
from ymr_spark.sources.r2.scale import R2

ATTRIBUTES = ("album", "artist")
ONE = np.array([0, 1])
RATINGS = {"user_index": np.array([0, 2, 1]), "song_index": np.array([0, 3])}
RATINGS |= dict.fromkeys(CONTENT, ONE)
CATALOGUE = {"song_id": np.array([7, 8], np.int32), "song_index": np.array([1, 0], np.int32)}
CATALOGUE |= {name: np.array([1, 1], np.int32) for name in CONTENT}
USER_IDS, SONG_IDS = np.array([10, 20], np.int32), np.array([7], np.int32)
# Index 0 is an unknown user or song.
USERS, SONGS = np.array([1, 2, 0, 1, 0], np.int32), np.array([1, 1, 1, 0, 0], np.int32)


def dot(l2: float = 4.0) -> DotTowers:
    """Of artist and album only the offsets count: 0.5 and 0.25."""
    model = DotTowers(RATINGS, 3.0, R2, attributes=ATTRIBUTES, dimension=2, l2=l2, seed=1)
    model.user_tower.table.assign([[0, 0, 0], [0.5, 1, 2], [-1, 0, 1]])
    song = [[0, 0, 0], [0.25, 0.5, -0.5]]
    model.song_tower.table.assign([*song, [0, 0, 0], [0.5, 0, 0], [0, 0, 0], [0.25, 0, 0]])
    return model


def logistic(mean: float, *above: float) -> list[float]:
    """Stars of the scores that are so much above the score of `mean` stars."""
    scores = np.log((mean - 1) / (5 - mean)) + np.array(above)
    return [*(1 + 4 / (1 + np.exp(-scores)))]


# 0.25 + 0.75 = 0.5 + 0.25 + 0.75 - 0.5: what is unknown leaves what is known of the other.
DOT = logistic(3, 1.0, -0.5, 1.0, 1.25, 0.75)


def mlp(l2: float = 0.0) -> MlpTowers:
    model = MlpTowers(RATINGS, 2.0, R2, dimension=1, layers=(2,), l2=l2, seed=1)
    model.user_tower.table.assign([[0], [1], [3]])
    model.song_tower.table.assign([[0], [2]])
    hidden, last = model.dense.layers
    hidden.set_weights([np.array([[1, -1], [1, 1]]), np.array([-1, -2])])
    last.set_weights([np.array([[0.5], [9]]), np.array([0.25])])
    return model


# User 1: hidden values 1 + 2 - 1 = 2 and -1 + 2 - 2 < 0; 0.5 · 2 + 0.25. User 2: 4 and 0.
MLP = logistic(2, 1.25, 2.25)


def deep_cross(l2: float = 0.0) -> CrossTowers:
    """Only album and artist have rows: [0.5, 1] and [0.25, 0]."""
    model = CrossTowers(RATINGS, 2.0, R2, dimension=1, width=1, song_dropout=0.1, l2=l2, seed=1)
    model.user_tower.table.assign([[0, 0], [0.2, 0.4], [0.2, 0.4]])
    model.own.table.assign([[0, 0], [0.1, -0.5]])
    content = model.content
    rows = np.zeros(content.rows.table.shape)
    rows[1], rows[3] = (0.5, 1), (0.25, 0)
    content.rows.table.assign(rows)
    down, up, deep, linear = (np.zeros(s) for s in ((10, 8), (8, 10), (10, 1), (11, 2)))
    # x = [0.5, 1, 0.25, 0, ...]: x1 becomes x1 · 3 · (2 · x0) + x1 = 4.
    down[0, 0], up[0, 1] = 2, 3
    content.cross.set_weights([down, up, np.zeros(10)])
    # relu(2 · x0 - 0.5) = 0.5
    deep[0] = 2
    linear[1, 0], linear[10, 1] = 0.1, 2
    content.deep.set_weights([deep, np.array([-0.5])])
    content.linear.set_weights([linear])
    return model


# Content: [0.5 + 0.25 + 0.1 · 4, 1 + 2 · 0.5] = [1.15, 2]; with the song's own row [1.25, 1.5].
# 2.05 = 0.2 + 1.25 + 0.4 · 1.5, and 2.15 = 0.2 + 1.15 + 0.4 · 2 by content alone.
DEEP_CROSS = logistic(2, 2.05, 2.05, 1.25, 2.15, 1.15)


def stars(model: Towers, users: Ints, songs: Ints) -> Floats:
    columns = {"user_index": users, "song_index": songs}
    columns |= {name: np.ones_like(songs) for name in CONTENT}
    found: Floats = model.predict_stars(*(columns[name] for name in model.features)).numpy()
    return found


@pytest.mark.parametrize(("make", "expected"), [(dot, DOT), (mlp, MLP), (deep_cross, DEEP_CROSS)])
def test_scores_by_hand(make: Callable[[], Towers], expected: list[float]) -> None:
    rows = slice(len(expected))
    np.testing.assert_allclose(stars(make(), USERS[rows], SONGS[rows]), expected, rtol=1e-6)


def test_predictions_are_bounded() -> None:
    model = dot()
    model.user_tower.table.assign_add([[0, 0, 0], [9, 0, 0], [-9, 0, 0]])
    found = stars(model, USERS[:2], SONGS[:2])
    np.testing.assert_allclose(found, logistic(3, 10.0, -9.5), rtol=1e-6)
    assert found[0] < 5


def test_the_factor_model_scores_alike() -> None:
    model = dot().artifact("dot", {"user": USER_IDS}, CATALOGUE)
    found, known = model.predict(
        np.array([10, 20, 99, 10, 99], np.int32), np.array([7, 7, 7, 8, 8], np.int32)
    )
    np.testing.assert_allclose(found, DOT, rtol=1e-6)
    assert known.tolist() == [True, True, False, True, False]


def test_songs_of_which_nothing_was_rated_are_left_to_other_models() -> None:
    model = DotTowers(RATINGS, 3.0, R2, attributes=(), dimension=2, l2=4.0, seed=1)
    assert model.features == ("user_index", "song_index")
    artifact = model.artifact("dot", {"user": USER_IDS}, CATALOGUE)
    assert artifact.song_ids.tolist() == [7]


def test_the_loss_of_a_batch() -> None:
    batch = {name: np.array([1, 1, 1], np.int32) for name in ("song_index", *CONTENT)}
    batch |= {"user_index": np.array([1, 2, 1], np.int32), "rating": np.array([5, 1, 3], np.int8)}
    p, y = (dot().stars(batch).numpy() - 1) / 4, np.array([1, 0, 0.5])
    entropy = -y * np.log(p) - (1 - y) * np.log(1 - p)
    loss = float(dot().compute_loss(batch))
    assert loss == pytest.approx(8 * np.sum(entropy), rel=1e-5)
    squares = np.sum((mlp().stars(batch).numpy() - [5, 1, 3]) ** 2)
    assert float(mlp().compute_loss(batch)) == pytest.approx(squares, rel=1e-5)


@pytest.mark.parametrize("make", [dot, mlp, deep_cross])
def test_a_batch_takes_each_ratings_share_of_the_penalty_of_its_rows(
    make: Callable[..., Towers],
) -> None:
    """2 l2 · row · its ratings in the batch / all of its ratings, offsets' at a tenth of l2."""
    model = make(l2=4.0)
    batch = {name: np.array([1, 1, 1], np.int32) for name in ("song_index", *CONTENT)}
    batch["user_index"] = np.array([1, 2, 1], np.int32)
    with tf.GradientTape() as tape:
        nothing = 0 * tf.reduce_sum(model(batch))
    gradients = tape.gradient(nothing, [layer.table for layer in model.tables])
    for layer, sparse in zip(model.tables, gradients, strict=True):
        gradient = tf.convert_to_tensor(sparse).numpy()
        # All of a user's and a song's ratings are in this batch; of an attribute, three of one.
        attribute = (layer.ratings == 1) & (layer is not model.tables[0])
        shares = np.where(attribute, 3, layer.ratings > 0)
        expected = 2 * 4 * shares[:, None] * layer.table.numpy()
        expected[:, : layer.offset] *= 0.1
        np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def test_each_side_is_held_to_zero_by_what_is_not_known_of_the_other() -> None:
    def gradients(model: DotTowers) -> list[Floats]:
        with tf.GradientTape() as tape:
            nothing = 0 * tf.reduce_sum(model(dict.fromkeys(model.features, tf.ones(1, tf.int32))))
        sparse = tape.gradient(nothing, [layer.table for layer in model.tables])
        return [tf.convert_to_tensor(rows).numpy() for rows in sparse]

    model = dot()
    before = gradients(model)
    model.user_tower.curvature.assign([[0, 6, 2]])
    model.song_tower.curvature.assign([[0, 2, 0], [0, 0, 0], [0, 0, 5]])
    user, song = (now - then for now, then in zip(gradients(model), before, strict=True))
    # 2 / (ratings · curvature + 2 l2): the user has two, the song three, its artist one.
    of_user, of_song = np.array([0, 2 / (12 + 8), 2 / (4 + 8)]), np.array([0, 2 / 14, 2 / 13])
    share = 1 / (1 + np.exp(-1.0))
    weight = 16 / 12 * 16 / 2 * share * (1 - share)
    np.testing.assert_allclose(user[1], weight * of_song * [0.5, 1, 2], rtol=1e-5, atol=1e-6)
    for row in song[[1, 3, 5]]:
        np.testing.assert_allclose(row, weight * of_user * [1, 0.5, -0.5], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("mse", "noise"), [(0.0, 1 / 12), (0.9, 0.9), (5.0, 4 / 3)])
def test_noise_is_neither_below_rounding_nor_above_knowing_nothing(
    mse: float, noise: float
) -> None:
    model = dot()
    assert float(model.noise) == pytest.approx(4 / 3)
    model.expect_error(mse)
    assert float(model.noise) == pytest.approx(noise)


def test_training_leaves_out_the_songs_own_row_for_a_share_of_the_rows() -> None:
    model = deep_cross()
    model.compile(optimizer=tf.keras.optimizers.SGD())
    one = np.ones(4_000, np.int32)
    features = {"song_index": one, **dict.fromkeys(CONTENT, one)}
    content, whole = (model.songs(features)[0].numpy() - [own, 0] for own in (0.1, 0.0))
    found = model.songs(features, training=True).numpy()
    left_out = np.isclose(found[:, 0], content[0])
    assert np.isclose(found[~left_out, 0], whole[0]).all()
    assert np.mean(left_out) == pytest.approx(0.1, abs=0.02)


def test_the_mlp_scores_alike_and_gives_strangers_the_mean() -> None:
    model = mlp().artifact("mlp", {"user": USER_IDS, "song": SONG_IDS}, {})
    found, known = model.predict(
        np.array([99, 10, 20, 10], np.int32), np.array([7, 7, 7, 8], np.int32)
    )
    np.testing.assert_allclose(found, [2.0, *MLP, 2.0], rtol=1e-6)
    assert known.tolist() == [False, True, True, False]


def test_an_mlp_of_fewer_users_gives_the_others_the_mean() -> None:
    model = mlp().artifact("mlp", {"user": USER_IDS, "song": SONG_IDS}, {})
    found, known = model.only(USER_IDS[1:], SONG_IDS).predict(USER_IDS, np.array([7, 7], np.int32))
    np.testing.assert_allclose(found, [2.0, MLP[1]], rtol=1e-6)
    assert known.tolist() == [False, True]


def test_factors_of_songs_that_nobody_rated() -> None:
    model = deep_cross().artifact("deep_cross", {"user": USER_IDS}, CATALOGUE)
    found, known = model.predict(
        np.array([10, 99, 10, 99, 10], np.int32), np.array([7, 7, 8, 8, 9], np.int32)
    )
    # Of a song that is not in the catalogue nothing is known but the user.
    expected = logistic(2, 2.05, 1.25, 2.15, 1.15, 0.2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert known.tolist() == [True, False, True, False, False]


def test_levels_below_the_third_count_as_the_third() -> None:
    model = deep_cross()
    model.content.rows.table[-1].assign([0.5, 0])
    one = np.array([1], np.int32)
    deepest, deeper = (model.predict_stars(*[one] * 6, level)[0] for level in ([3], [9]))
    assert deeper == deepest != stars(model, one, one)[0]


@pytest.mark.parametrize(("epochs", "passes"), [(1, 1), (2, 1), (4, 2), (6, 3), (20, 3)])
def test_rows_that_come_later_are_seen_as_often_as_makes_them_count_alike(
    epochs: int, passes: int
) -> None:
    assert dot().further_epochs(epochs, 2.0) == deep_cross().further_epochs(epochs, 2.0) == passes
    assert mlp().further_epochs(epochs, 2.0) == 1
