"""Worlds of other kinds than the usual one: what is asked for, and the exact floor in each."""

import numpy as np
import pytest

from ymr_spark.sources.planted import latent, rows, users, world
from ymr_spark.sources.planted.sampling import Ints, Singles
from ymr_spark.sources.planted.traits import Traits
from ymr_spark.sources.planted.world import World
from ymr_spark.sources.r2.scale import R2

USERS, SONGS, RATINGS = 1_500, 600, 60_000
KINDS = {
    "no taste": Traits(taste_rank=0),
    "rank 16": Traits(taste_rank=16),
    "rank 8 without content": Traits(taste_rank=8, content=0),
    "much noise": Traits(noise_sd=1.5),
    "much affinity": Traits(affinity_sd=0.5),
    "content alone": Traits(content=1),
    "all alike active": Traits(user_spread=0),
    "all alike popular": Traits(song_spread=0),
}


def planted(traits: Traits) -> World:
    return world.plant(3, USERS, SONGS, RATINGS, 0.0, R2, traits)


def test_the_usual_world_is_that_of_the_published_figures() -> None:
    usual = Traits()
    assert usual.taste_variances.tolist() == [0.26, 0.12, 0.06, 0.03]
    assert (usual.taste_parts, usual.quality_parts) == ((0.55, 0.15, 0.3), (0.4, 0.2, 0.4))
    assert (usual.genre_taste, usual.noise_sd, usual.affinity_sd) == (0.7, 0.68, 0.125)


@pytest.mark.parametrize("rank", [1, 2, 3, 5, 8, 32])
def test_taste_of_any_rank_is_as_strong(rank: int) -> None:
    variances = Traits(taste_rank=rank).taste_variances
    assert variances.shape == (rank,)
    assert variances.sum() == pytest.approx(0.47)
    assert (np.diff(variances) <= 1e-9).all()
    assert variances.min() > 0


@pytest.mark.parametrize("content", [0.0, 0.3, 0.7, 1.0])
def test_shares_of_variance_add_up(content: float) -> None:
    traits = Traits(content=content)
    for parts in (traits.taste_parts, traits.quality_parts):
        assert sum(parts) == pytest.approx(1)
        assert min(parts) >= 0
    assert sum(traits.taste_parts[:2]) == pytest.approx(content)


@pytest.mark.parametrize("name", KINDS)
def test_the_floor_is_what_simulated_ratings_leave(name: str) -> None:
    """Rate the same rows again and again: the mean over the repetitions is the best prediction."""
    traits, repetitions = KINDS[name], 200
    made = planted(traits)
    everyone = world.users_of(made, 0, 0, USERS, RATINGS)
    _, test = rows.of_block(made, everyone, 0, 0)
    chances = latent.probabilities(test.mean, made.cuts, traits.noise_sd)
    floor = latent.variance(chances, R2).mean()
    random = np.random.default_rng(1)
    total, squares = np.zeros(len(test.mean)), np.zeros(len(test.mean))
    for _ in range(repetitions):
        score = test.mean + traits.noise_sd * random.standard_normal(len(test.mean))
        rating = 1.0 + np.searchsorted(made.cuts, score)
        total, squares = total + rating, squares + rating**2
    left = (squares - total**2 / repetitions) / (repetitions - 1)
    assert floor == pytest.approx(left.mean(), rel=0.01)


def within(groups: Ints, values: Singles) -> float:
    """The share of the values' variance that is left inside of groups of two or more."""
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(group, v) for v in values.T], axis=1) / sizes[:, None]
    many = sizes[group] > 1
    degrees = many.sum() - (sizes > 1).sum()
    return float(((values - means[group])[many] ** 2).sum() / degrees / values.var(axis=0).sum())


def test_content_tells_as_much_of_taste_as_is_asked_for() -> None:
    left = {c: within(s.album, s.taste) for c in (0.0, 0.7, 1.0)
            for s in [planted(Traits(content=c)).songs]}  # fmt: skip
    assert left[0.0] == pytest.approx(1, abs=0.1)
    assert 0.1 < left[0.7] < 0.4
    assert left[1.0] < 0.01


def test_noise_and_affinity_raise_the_floor_and_rank_does_not() -> None:
    def floor(traits: Traits) -> float:
        made = planted(traits)
        everyone = world.users_of(made, 0, 0, USERS, RATINGS)
        _, test = rows.of_block(made, everyone, 0, 0)
        chances = latent.probabilities(test.mean, made.cuts, traits.noise_sd)
        return float(latent.variance(chances, R2).mean())

    usual = floor(Traits())
    assert floor(Traits(noise_sd=1.5)) > usual + 0.3
    assert floor(Traits(taste_rank=16)) == pytest.approx(usual, rel=0.06)
    assert floor(Traits(taste_rank=0)) > usual + 0.3
    assert floor(Traits(affinity_sd=0.5)) < usual


def test_spread_is_that_of_activity_and_popularity() -> None:
    made = planted(Traits(user_spread=0, song_spread=0))
    assert np.ptp(made.songs.weight) == pytest.approx(0)
    counts = users.counts_of(3, 0, USERS, RATINGS, made.songs.weight, 0.0)
    assert np.ptp(counts) <= 1
