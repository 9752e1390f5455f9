"""Counts that add up, draws without replacement that follow the popularity."""

import numpy as np
import pytest

from ymr_spark.sources.planted import sampling

WEIGHTS = np.array([0.0, 0.5, 0.2, 0.1, 0.1, 0.06, 0.04])


@pytest.mark.parametrize(
    ("users", "ratings", "most"), [(300, 6_000, 110), (7, 70, 10), (5, 61, 40)]
)
def test_user_counts_add_up_within_their_bounds(users: int, ratings: int, most: int) -> None:
    counts = sampling.user_counts(sampling.generator(1), users, ratings, most, 1.2)
    assert counts.sum() == ratings
    assert counts.min() >= 10
    assert counts.max() <= most


def test_user_counts_have_a_heavy_tail() -> None:
    counts = sampling.user_counts(sampling.generator(1), 20_000, 7_640_000, 80_000, 1.2)
    assert np.median(counts) < 0.6 * counts.mean()
    assert counts.max() > 20 * counts.mean()


@pytest.mark.parametrize("ratings", [2_999, 30_001])
def test_ratings_that_do_not_fit_the_users_are_refused(ratings: int) -> None:
    with pytest.raises(ValueError, match="10 to 100"):
        sampling.user_counts(sampling.generator(1), 300, ratings, 100, 1.2)


def test_equally_popular_songs_are_equally_likely() -> None:
    np.testing.assert_allclose(sampling.inclusion(np.full(20, 0.05), 7), 7 / 20)


def test_inclusions_add_up_and_expected_rows_too() -> None:
    weights = sampling.popularity(sampling.generator(2), 500, 1.4)
    assert sampling.inclusion(weights, 120).sum() == pytest.approx(120)
    counts = sampling.user_counts(sampling.generator(1), 1_000, 60_000, 300, 1.2)
    assert sampling.exposure(weights, counts).sum() == pytest.approx(60_000, rel=1e-6)


def test_light_users_and_heavy_ones_draw_by_the_same_law() -> None:
    """Rejection and exponential race are both successive draws: P(first is s) = w_s, and so on.

    The chance of each song among two draws is w_s + sum over t != s of w_t w_s / (1 - w_t).
    """
    w, users = WEIGHTS, 40_000
    expected = w + w * ((w / (1 - w)).sum() - w / (1 - w))
    rng = sampling.generator(5)
    light = sampling._draw_light(rng, w, np.full(users, 2)) % len(w)
    heavy = np.concatenate([sampling._race(rng, w, 2) for _ in range(users)])
    for drawn in (light, heavy):
        share = np.bincount(drawn, minlength=len(w)) / users
        np.testing.assert_allclose(share, expected, atol=0.01)  # four standard errors


def test_expected_rows_are_those_that_are_drawn() -> None:
    weights = sampling.popularity(sampling.generator(3), 400, 1.4)
    counts = sampling.user_counts(sampling.generator(4), 3_000, 150_000, 240, 1.2)
    drawn = sampling.draw_songs(sampling.generator(5), weights, counts) % 400
    ratio = np.bincount(drawn, minlength=400) / sampling.exposure(weights, counts)
    assert np.abs(ratio - 1).mean() < 0.05
    by_popularity = ratio[np.argsort(weights)].reshape(8, 50).mean(axis=1)
    np.testing.assert_allclose(by_popularity, 1, atol=0.02)


def test_a_block_has_the_rows_asked_for_once_each_and_in_order() -> None:
    needed = np.array([1, 6, 0, 3, 6])  # light and heavy users; one wants every song there is
    keys = sampling.draw_songs(sampling.generator(1), WEIGHTS, needed)
    assert (np.diff(keys) > 0).all()
    np.testing.assert_array_equal(np.bincount(keys // 7, minlength=5), needed)
    assert 0 not in keys % 7  # popularity 0


def test_every_set_of_numbers_is_as_likely() -> None:
    chosen = np.sort(sampling.choose(sampling.generator(1), np.full(30_000, 4), 2), axis=1)
    sets, counts = np.unique(chosen, axis=0, return_counts=True)
    assert sets.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    np.testing.assert_allclose(counts / 30_000, 1 / 6, atol=0.01)


@pytest.mark.parametrize("songs", [2, 33, 5_000])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
@pytest.mark.parametrize("order", ["random", "ascending", "thinned first", "mostly never"])
def test_the_earliest_are_found_however_times_are_arranged(
    songs: int, share: float, order: str
) -> None:
    times = np.random.default_rng(4).permutation(songs).astype(np.float32)
    if order == "ascending":
        times = np.sort(times)
    if order == "thinned first":
        place = np.arange(songs)
        times[np.lexsort((place, place % sampling._THINNED))] = place
    if order == "mostly never":
        times[times > songs * share + 1] = np.inf
    n = int(share * songs)
    assert set(times[sampling._earliest(times, n)]) == set(range(n))
