"""The planted truth has R2's shape, and its irreducible error is what brute force finds."""

import numpy as np
import pytest
from scipy import integrate, stats

from ymr_spark.scale import Scale
from ymr_spark.sources.planted import (
    genre_tree,
    latent,
    rows,
    sampling,
    songs,
    truth,
    world,
)
from ymr_spark.sources.planted.rows import PlantedRows
from ymr_spark.sources.planted.traits import Traits
from ymr_spark.sources.planted.users import Users
from ymr_spark.sources.planted.world import USUAL, World
from ymr_spark.sources.r2.scale import R2

N_USERS, N_SONGS, RATINGS = 6_000, 2_000, 600_000


@pytest.fixture(scope="module")
def planted() -> World:
    return world.plant(1, N_USERS, N_SONGS, RATINGS, 0.02)


@pytest.fixture(scope="module")
def everyone(planted: World) -> Users:
    return world.users_of(planted, 0, 0, N_USERS, RATINGS)


@pytest.fixture(scope="module")
def split(planted: World, everyone: Users) -> tuple[PlantedRows, PlantedRows]:
    found = [rows.of_block(planted, everyone, 0, b) for b in range(rows.blocks(everyone))]
    train, test = (
        PlantedRows(
            *(np.concatenate([getattr(r, f) for r in side]) for f in PlantedRows.__annotations__)
        )
        for side in zip(*found, strict=True)
    )
    return train, test


def test_the_genre_tree_has_r2s_levels() -> None:
    tree = genre_tree.tree()
    assert np.bincount(tree.level).tolist() == [0, 20, 130, 66]
    top = tree.level == 1
    np.testing.assert_array_equal(tree.parent[top], np.flatnonzero(top))
    np.testing.assert_array_equal(tree.level[tree.parent[~top]], tree.level[~top] - 1)
    assert tree.parent.max() == 211
    assert len(set(tree.name)) == 216


def test_genre_shares_have_r2s_moments() -> None:
    tree, share = genre_tree.tree(), genre_tree.shares(genre_tree.tree())
    assert share.sum() == pytest.approx(1)
    assert share.min() >= genre_tree.SMALLEST_SHARE
    for values, mean, sd in (
        (np.arange(216), 16.77832, 43.07285),
        (tree.parent, 16.70814, 42.89884),
        (tree.level, 1.013341, 0.1266558),
    ):
        assert share @ values == pytest.approx(mean, abs=1e-5)
        assert np.sqrt(share @ values**2 - mean**2) == pytest.approx(sd, abs=1e-4)
    largest = [tree.name[g] for g in np.argsort(-share)[:6]]
    assert largest == ["Unknown", "Rock", "Pop", "R&B", "Country", "Rap"]


def test_songs_fill_the_genre_shares_however_uneven_their_popularity() -> None:
    rng = sampling.generator(1)
    exposure = sampling.popularity(rng, 60_000, 1.4)
    share = genre_tree.shares(genre_tree.tree())
    genre = songs._genres(rng, exposure, share, np.zeros(60_000, np.bool_))
    gap = np.abs(np.bincount(genre, exposure, 216) - share)
    assert gap.max() < 2 * exposure.min()


def test_albums_have_one_artist_and_artists_one_genre(planted: World) -> None:
    s = planted.songs
    for inner, outer in ((s.album, s.artist), (s.artist, s.genre)):
        pairs = np.unique(np.stack([inner, outer]), axis=1)
        assert len(pairs[0]) == len(np.unique(inner)) == inner.max() + 1


def test_ratings_have_r2s_shape(split: tuple[PlantedRows, PlantedRows]) -> None:
    train, test = split
    share = np.bincount(train.level, minlength=5) / RATINGS
    np.testing.assert_allclose(share, latent.R2_SHARES, atol=0.01)
    stars = R2.stars(train.level)
    assert stars.mean() == pytest.approx(3.15349, abs=0.02)
    assert stars.std() == pytest.approx(1.599536, rel=0.01)
    assert R2.stars(test.level).mean() == pytest.approx(3.46, abs=0.02)


def test_quality_follows_genre_id_and_level_as_r2s_ratings_do() -> None:
    rng = sampling.generator(1)
    weight = sampling.popularity(rng, 20_000, 1.4)
    planted = songs.plant(rng, weight, np.zeros(20_000, np.bool_), weight, Traits(taste_rank=3))
    for values, correlation in ((planted.genre, 0.020506), (genre_tree.tree().level, 0.004521)):
        attribute = (values if len(values) == 20_000 else values[planted.genre]) * 1.0
        covariance = np.cov(planted.quality, attribute, aweights=weight, ddof=0)
        slope = covariance[0, 1] / np.sqrt(covariance[1, 1])
        assert slope == pytest.approx(correlation / latent.correlation_kept(R2), rel=1e-3)


def test_cutting_a_score_keeps_nine_tenths_of_a_correlation() -> None:
    rng = np.random.default_rng(1)
    score = rng.standard_normal(400_000)
    cause = 0.3 * score + rng.standard_normal(400_000)
    for scale in (R2, Scale(0.5, 5, 0.5)):
        rating = np.digitize(score, stats.norm.ppf(latent.shares_below(scale)))
        kept = np.corrcoef(rating, cause)[0, 1] / np.corrcoef(score, cause)[0, 1]
        assert latent.correlation_kept(scale) == pytest.approx(kept, rel=0.01)


def test_layout_of_blocks(
    split: tuple[PlantedRows, PlantedRows], planted: World, everyone: Users
) -> None:
    train, test = (side.user * N_SONGS + side.song for side in split)
    for keys in (train, test):
        assert (np.diff(keys) > 0).all()  # ascending, so none twice
    assert not np.isin(test, train).any()
    np.testing.assert_array_equal(np.bincount(split[0].user), everyone.train_rows)
    np.testing.assert_array_equal(np.bincount(split[1].user), 10)
    in_train, in_test = (np.isin(np.arange(N_SONGS), side.song) for side in split)
    cold = planted.songs.cold
    assert cold.sum() == 40
    assert not in_train[cold].any()
    assert in_train[~cold].all()
    assert in_test[cold].all()
    share = cold[split[1].song].mean()
    assert share == pytest.approx(rows.COLD_ROWS, abs=0.003)


def test_without_cold_songs_all_test_songs_are_warm() -> None:
    tiny = world.plant(1, 60, 200, 1_200, 0.0)
    _, test = rows.of_block(tiny, world.users_of(tiny, 0, 0, 60, 1_200), 0, 0)
    assert len(test.user) == 600
    assert not tiny.songs.cold.any()


def test_the_affinity_of_user_and_song_is_no_short_dot_product() -> None:
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False, dtype=np.float32)
    affinity = world._affinity(angle[:, None] - angle[None, :], USUAL.affinity_sd)
    assert affinity.mean() == pytest.approx(0, abs=1e-4)
    assert affinity.std() == pytest.approx(USUAL.affinity_sd, rel=1e-3)
    energy = np.linalg.svd(affinity, compute_uv=False) ** 2
    assert energy[:4].sum() < 0.6 * energy.sum()
    assert energy[:16].sum() > 0.9 * energy.sum()


def test_chances_of_a_hand_computed_score() -> None:
    chances = latent.probabilities(np.zeros(1), (0.0, 9.0, 9.0, 9.0), noise=1.0)
    np.testing.assert_allclose(chances, [[0.5, 0.5, 0, 0, 0]], atol=1e-12)
    assert latent.expectation(chances, R2)[0] == pytest.approx(1.5)
    assert latent.variance(chances, R2)[0] == pytest.approx(0.25)


def test_a_level_is_the_number_of_cut_points_below() -> None:
    scores = np.array([-3.0, -0.5, 0.5, 1.5, 9.0])
    assert latent.discretise(scores, (-1, 0, 1, 2)).tolist() == [0, 1, 2, 3, 4]


def test_cut_points_give_the_wanted_shares() -> None:
    cuts = latent.fit_cuts(np.zeros(1), np.ones(1), np.cumsum(np.full(4, 0.2)), noise=2.0)
    np.testing.assert_allclose(cuts, 2 * stats.norm.ppf([0.2, 0.4, 0.6, 0.8]), atol=1e-8)


def test_half_stars_have_r2s_shares_and_means() -> None:
    halves = Scale(0.5, 5, 0.5)
    np.testing.assert_array_equal(latent.shares_below(R2), np.cumsum(latent.R2_SHARES)[:-1])
    half = world.plant(1, 600, 300, 30_000, 0.01, halves)
    train, test = zip(
        *(rows.of_block(half, world.users_of(half, 0, 0, 600, 30_000), 0, b) for b in (0, 1)),
        strict=True,
    )
    share = np.bincount(np.concatenate([r.level for r in train]), minlength=10)
    np.testing.assert_allclose(share / share.sum(), np.repeat(latent.R2_SHARES / 2, 2), atol=0.025)
    mean = halves.stars(np.concatenate([r.level for r in test])).mean()
    assert (mean - 0.5) / 4.5 == pytest.approx((world.TEST_MEAN - 1) / 4, abs=0.02)


def test_the_floor_is_the_integral_of_the_squared_error(planted: World) -> None:
    """Moments of the rating as integrals over the noise, the discretisation done by rows' code."""

    def left(mean: float) -> float:
        def moment(power: int) -> float:
            def density(x: float) -> float:
                rating = R2.stars(latent.discretise(np.array([x]), planted.cuts))[0]
                return float(rating**power * stats.norm.pdf(x, mean, USUAL.noise_sd))

            ends = mean - 9 * USUAL.noise_sd, mean + 9 * USUAL.noise_sd
            inside = [c for c in planted.cuts if ends[0] < c < ends[1]]
            return float(integrate.quad(density, *ends, points=inside, limit=200)[0])

        return moment(2) - moment(1) ** 2

    means = np.array([-2.5, -1.0, -0.4, 0.3])
    analytic = latent.variance(latent.probabilities(means, planted.cuts, USUAL.noise_sd), R2)
    np.testing.assert_allclose(analytic, [left(m) for m in means], atol=1e-6)


def test_the_floor_is_what_simulated_ratings_leave(
    planted: World, everyone: Users, split: tuple[PlantedRows, PlantedRows]
) -> None:
    """Rate the same rows again and again: the mean over the repetitions is the best prediction."""
    test, repetitions = split[1], 400
    analytic = latent.variance(latent.probabilities(test.mean, planted.cuts, USUAL.noise_sd), R2)
    sums = truth.floor_sums(planted, everyone, test, analytic)
    noise = np.random.default_rng(7)
    total, squares = np.zeros(len(test.user)), np.zeros(len(test.user))
    mean = world.means(
        planted.songs, planted.choice, everyone, test.user, test.song, USUAL.affinity_sd
    )
    for _ in range(repetitions):
        score = mean + USUAL.noise_sd * noise.standard_normal(len(mean))
        rating = 1 + np.searchsorted(planted.cuts, score)
        total += rating
        squares += rating**2
    left = (squares - total**2 / repetitions) / (repetitions - 1)
    cold = planted.songs.cold[test.song]
    few = everyone.train_rows[test.user] <= np.quantile(everyone.train_rows, 0.25)
    for name, chosen in (("all", cold | ~cold), ("cold_songs", cold), ("warm_songs", ~cold),
                         ("users_with_fewest_ratings", few)):  # fmt: skip
        count, error = sums[name]
        assert count == chosen.sum()
        assert error / count == pytest.approx(left[chosen].mean(), rel=0.01)
    assert sums["all"][1] / sums["all"][0] == pytest.approx(left.mean(), rel=0.002)
    own = R2.stars(test.level) - latent.expectation(
        latent.probabilities(test.mean, planted.cuts, USUAL.noise_sd), R2
    )
    assert (own**2).mean() == pytest.approx(left.mean(), rel=0.02)


def test_more_active_users_rate_lower_and_tastes_have_their_spread(
    planted: World, everyone: Users
) -> None:
    assert planted.activity_slope < 0
    np.testing.assert_allclose(everyone.taste.var(axis=0), USUAL.taste_variances, rtol=0.1)
    over_rows = (everyone.train_rows[:, None] * everyone.taste).sum(axis=0)
    np.testing.assert_allclose(over_rows / RATINGS, 0, atol=1e-6)


def test_a_block_follows_from_seed_part_and_number_alone(planted: World, everyone: Users) -> None:
    first = rows.of_block(planted, everyone, 0, 3)[0]
    rows.of_block(planted, everyone, 0, 2)
    again = rows.of_block(planted, everyone, 0, 3)[0]
    np.testing.assert_array_equal(first.level, again.level)
    other = rows.of_block(planted, everyone, 1, 3)[0]
    assert not np.array_equal(first.song, other.song)
