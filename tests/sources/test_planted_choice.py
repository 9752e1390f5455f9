"""Users who rate what is to their taste: the shape stays, and the best lists are known."""

import numpy as np
import pytest

from ymr_spark.models.arrays import Floats
from ymr_spark.sources.planted import best_lists, choice, latent, rows, sampling, world
from ymr_spark.sources.planted.rows import PlantedRows
from ymr_spark.sources.planted.sampling import Ints
from ymr_spark.sources.planted.traits import Traits
from ymr_spark.sources.planted.users import Users
from ymr_spark.sources.planted.world import World
from ymr_spark.sources.r2.scale import R2

USERS, SONGS, RATINGS = 2_000, 1_000, 160_000


@pytest.fixture(scope="module", params=[0.0, 1.0], ids=["popularity alone", "taste"])
def planted(request: pytest.FixtureRequest) -> World:
    return world.plant(3, USERS, SONGS, RATINGS, 0.01, R2, Traits(choice=request.param))


@pytest.fixture(scope="module")
def users(planted: World) -> Users:
    return world.users_of(planted, 0, 0, USERS, RATINGS)


@pytest.fixture(scope="module")
def split(planted: World, users: Users) -> tuple[PlantedRows, PlantedRows]:
    found = [rows.of_block(planted, users, 0, b) for b in range(rows.blocks(users))]
    train, test = (
        PlantedRows(
            *(np.concatenate([getattr(r, f) for r in side]) for f in PlantedRows.__annotations__)
        )
        for side in zip(*found, strict=True)
    )
    return train, test


def test_the_shape_stays(
    planted: World, users: Users, split: tuple[PlantedRows, PlantedRows]
) -> None:
    train, test = split
    assert np.bincount(train.user, minlength=USERS).tolist() == users.train_rows.tolist()
    assert len(np.unique(train.user * SONGS + train.song)) == RATINGS
    shares = np.bincount(train.level, minlength=5) / RATINGS
    np.testing.assert_allclose(shares, latent.R2_SHARES, atol=0.012)
    assert (1 + test.level).mean() == pytest.approx(world.TEST_MEAN, abs=0.05)
    # A song's share of the ratings is as by popularity alone.
    exposure = sampling.exposure(planted.songs.weight, users.train_rows)
    warm = ~planted.songs.cold
    found = np.bincount(train.song, minlength=SONGS)[warm] / exposure[warm]
    popular = exposure[warm] > 100
    assert found[popular].mean() == pytest.approx(1, abs=0.03)
    assert found[popular].std() < 0.15


def test_who_rates_a_song_likes_it_more_than_others(
    planted: World, users: Users, split: tuple[PlantedRows, PlantedRows]
) -> None:
    train = split[0]
    agreement = np.einsum("ij,ij->i", users.taste[train.user], planted.songs.taste[train.song])
    assert (agreement.mean() > 0.3) == bool(planted.traits.choice)
    assert planted.traits.choice or abs(agreement.mean()) < 0.01
    # Yet songs are rated as if everybody had been asked.
    left = agreement - planted.choice.lift[train.song]
    assert left.mean() == pytest.approx(0, abs=0.02)
    if planted.traits.choice:
        assert np.corrcoef(planted.choice.lift[train.song], agreement)[0, 1] > 0.05


@pytest.mark.parametrize("strength", [0.0, 1.5])
def test_chances_are_those_of_repeated_draws(strength: float) -> None:
    """The rows of one user are drawn again and again."""
    tiny = world.plant(5, 40, 120, 1_200, 0.1, R2, Traits(choice=strength))
    users = world.users_of(tiny, 0, 0, 40, 1_200)
    user = int(np.argmax(users.train_rows))
    n, draws = int(users.train_rows[user]), 4_000
    random = np.random.default_rng(1)
    taste = np.repeat(users.taste[user : user + 1], draws, axis=0)
    needed = np.full(draws, n + sampling.TEST_ROWS)
    keys = rows._drawn(random, tiny, taste, needed).reshape(draws, -1)
    picked = sampling.choose(random, needed, sampling.TEST_ROWS)
    test = np.take_along_axis(keys, picked, axis=1)
    test = rows._some_cold(random, tiny.songs, test.ravel())
    in_test, in_any = (np.bincount(k.ravel() % 120, minlength=120) for k in (test, keys))
    in_train = in_any - np.bincount(
        np.take_along_axis(keys, picked, axis=1).ravel() % 120, minlength=120
    )
    found = in_test / (draws - in_train)
    expected = best_lists.chances(tiny, users, user)
    error = np.sqrt(expected / np.maximum(draws - in_train, 1)) + 0.015
    assert (np.abs(found - expected) < 4 * error).all()


def test_liked_is_what_simulated_ratings_are(planted: World, users: Users) -> None:
    songs = np.arange(50)
    chances = best_lists.liked(planted, users, 7, songs)
    means = world.means(
        planted.songs, planted.choice, users, np.full(50, 7), songs, planted.traits.affinity_sd
    )
    noise = planted.traits.noise_sd * np.random.default_rng(3).standard_normal((5_000, 50))
    levels = latent.discretise(means + noise, planted.cuts)
    np.testing.assert_allclose((levels >= 3).mean(axis=0), chances, atol=0.03)


def ndcg(lists: Ints, user: Ints, test: PlantedRows) -> Floats:
    """Of each user's list of songs, (users,)."""
    gains = 1 / np.log2(np.arange(2, lists.shape[1] + 2))
    found = []
    for row, one in enumerate(user.tolist()):
        mine = slice(*np.searchsorted(test.user, [one, one + 1]))
        liked = test.song[mine][test.level[mine] >= 3]
        if len(liked):
            found.append((np.isin(lists[row], liked) @ gains) / gains[: len(liked)].sum())
    return np.array(found)


def test_no_list_is_better_than_the_best(
    planted: World, users: Users, split: tuple[PlantedRows, PlantedRows]
) -> None:
    train, test = split
    wanted = np.arange(0, USERS, 4)
    best = best_lists.of_users(planted, users, wanted, train)
    assert np.bincount(best.user, minlength=USERS)[wanted].tolist() == [100] * len(wanted)
    assert not np.isin(best.user * SONGS + best.song, train.user * SONGS + train.song).any()
    lists = best.song.reshape(-1, 100)
    assert (np.diff(best.chance.reshape(-1, 100), axis=1) <= 1e-12).all()
    oracle = ndcg(lists, wanted, test)

    def other(scores: Floats) -> Floats:
        for row, one in enumerate(wanted.tolist()):
            scores[row, train.song[slice(*np.searchsorted(train.user, [one, one + 1]))]] = -np.inf
        return ndcg(np.argsort(-scores, axis=1)[:, :100], wanted, test)

    popular = other(np.tile(planted.songs.weight, (len(wanted), 1)))
    tasteful = other(choice.agreement(planted.songs, users.taste[wanted]).astype(np.float64))
    for found in (popular, tasteful):
        ahead = oracle - found
        assert ahead.mean() > 4 * ahead.std() / np.sqrt(len(ahead))
    # By brute force over all songs of a user, the list is that of the largest products.
    one = int(wanted[3])
    product = best_lists.chances(planted, users, one) * best_lists.liked(
        planted, users, one, np.arange(SONGS)
    )
    product[train.song[train.user == one]] = 0
    assert lists[3].tolist() == np.lexsort((np.arange(SONGS), -product))[:100].tolist()
