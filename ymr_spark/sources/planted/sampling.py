"""Who rates how many songs, and which: heavy-tailed users, popularity, no song twice."""

from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

FEWEST: Final = 10  # train rows of a user; R2 promises as many
TEST_ROWS: Final = 10  # of every user
_SONG_FLOOR = 0.12  # of the mean popularity: R2 dropped the songs with fewer than 20 ratings
_LIGHT_SHARE = 0.02  # of the songs: users below it draw by rejection, others race
_THINNED = 16  # one of so many tells about how late the last of those wanted is


class Stream(IntEnum):
    """What random numbers are for: the second key of their generator, after the seed."""

    SONGS = 1
    COUNTS = 2
    USERS = 3
    CALIBRATION = 4
    ROWS = 5
    CHOICE = 6


def generator(*key: int) -> np.random.Generator:
    """Counter-based random numbers of their own for each key, such as (seed, part, block)."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def user_counts(
    rng: np.random.Generator, users: int, ratings: int, most: int, spread: float
) -> Ints:
    """Train rows of each user: 10 plus a lognormal, at most `most`; their sum is `ratings`.

    Args:
        spread: of the lognormal's logarithm.

    Raises:
        ValueError: so many ratings do not fit these users.
    """
    if not users * FEWEST <= ratings <= users * most:
        raise ValueError(
            f"{ratings} train ratings for {users} users: expected {FEWEST} to {most} for each"
        )
    tail = np.exp(spread * rng.standard_normal(users))
    low, high = 0.0, float(most) / tail.min()
    for _ in range(100):
        middle = (low + high) / 2
        too_many = np.minimum(FEWEST + middle * tail, most).sum() > ratings
        low, high = (low, middle) if too_many else (middle, high)
    exact = np.minimum(FEWEST + low * tail, most)
    counts = exact.astype(np.int64)
    missing = ratings - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    return np.asarray(counts)


def popularity(rng: np.random.Generator, songs: int, spread: float) -> Floats:
    """The weight with which each song is drawn; the sum is 1, `spread` that of logarithms."""
    tail = np.exp(spread * rng.standard_normal(songs))
    weights = _SONG_FLOOR + (1 - _SONG_FLOOR) * tail / tail.mean()
    return np.asarray(weights / weights.sum())


def inclusion(weights: Floats, n: float) -> Floats:
    """The chance of each song to be among `n` drawn without replacement.

    1 - exp(-w t), where t solves sum(1 - exp(-w t)) = n: each song is reached at an exponential
    time with rate w, and n songs are reached at about t (Rosén 1972).
    """
    time = float(n)
    for _ in range(60):
        left = np.exp(-weights * time)
        step = (n - (1 - left).sum()) / (weights * left).sum()
        time += step
        if abs(step) <= 1e-9 * time:
            break
    return np.asarray(1 - np.exp(-weights * time))


def exposure(weights: Floats, counts: Ints, groups: int = 100) -> Floats:
    """Each song's expected train rows, users of about the same count taken together."""
    edges = np.geomspace(counts.min(), counts.max() + 1, groups + 1)
    group = np.searchsorted(edges, counts, side="right")
    expected = np.zeros(len(weights))
    for members in (counts[group == g] for g in np.unique(group)):
        expected += len(members) * inclusion(weights, float(members.mean()))
    return expected


def draw_songs(rng: np.random.Generator, weights: Floats, needed: Ints) -> Ints:
    """Draw songs for a block of users, popular ones sooner, none twice for a user.

    Returns:
        user * len(weights) + song, ascending, `needed[u]` of them for user u.
    """
    heavy = needed > _LIGHT_SHARE * np.count_nonzero(weights)
    drawn = [_draw_light(rng, weights, np.where(heavy, 0, needed))]
    for user in np.flatnonzero(heavy).tolist():
        drawn.append(user * len(weights) + _race(rng, weights, int(needed[user])))
    return np.sort(np.concatenate(drawn))


def race(rng: np.random.Generator, log_weights: Singles, needed: Ints) -> Ints:
    """As `draw_songs`, by weights (users, songs) of each user's own, given as logarithms."""
    times = rng.standard_exponential(log_weights.shape, np.float32)
    times *= np.exp(-log_weights)
    songs = times.shape[1]
    drawn = [
        user * songs + np.sort(_earliest(times[user], n)) for user, n in enumerate(needed.tolist())
    ]
    return np.asarray(np.concatenate(drawn), np.int64)


def _earliest(times: Singles, n: int) -> Ints:
    """Positions of the n earliest of more times, in no order."""
    some = times[::_THINNED]
    # As many of some that there are n of all, but for bad luck.
    enough = n // _THINNED + n // (4 * _THINNED) + 32
    early = np.arange(len(times))
    if enough < len(some):
        before = np.flatnonzero(times < np.partition(some, enough)[enough])
        early = before if len(before) > n else early
    return np.asarray(early[np.argpartition(times[early], n)[:n]])


def _race(rng: np.random.Generator, weights: Floats, n: int) -> Ints:
    """The n songs with the earliest exponential times: draws without replacement, all at once."""
    with np.errstate(divide="ignore"):
        times = rng.standard_exponential(len(weights)) / weights
    return np.argpartition(times, n)[:n].astype(np.int64)


def _draw_light(rng: np.random.Generator, weights: Floats, needed: Ints) -> Ints:
    """Draws with replacement, of which each user's first `needed` distinct songs are kept."""
    bounds = np.cumsum(weights)
    bounds /= bounds[-1]
    draws = np.empty(0, np.int64)
    missing = needed
    while missing.any():
        more = np.where(missing > 0, missing + missing // 8 + 4, 0)
        users = np.repeat(np.arange(len(needed)), more)
        songs = np.searchsorted(bounds, rng.random(len(users)), side="right")
        draws = np.concatenate([draws, users * len(weights) + songs])
        keys, order = np.unique(draws, return_index=True)
        missing = needed - np.bincount(keys // len(weights), minlength=len(needed))
        missing = np.maximum(missing, 0)
    return keys[_first(keys // len(weights), order, needed)] if len(draws) else draws


def _first(users: Ints, order: Ints, needed: Ints) -> npt.NDArray[np.bool_]:
    """Which rows are among the first `needed` of their user in draw order; users ascending."""
    by_draw = np.lexsort((order, users))
    starts = np.searchsorted(users, np.arange(len(needed)))
    kept = np.empty(len(users), np.bool_)
    kept[by_draw] = np.arange(len(users)) - starts[users] < needed[users]
    return kept


def choose(rng: np.random.Generator, sizes: Ints, k: int) -> Ints:
    """k distinct numbers below each size, every such set as likely (Floyd's algorithm).

    Returns:
        An array of shape (len(sizes), k), in no particular order; sizes must be at least k.
    """
    chosen = np.full((len(sizes), k), -1, np.int64)
    for i in range(k):
        top = sizes - k + i
        pick = (rng.random(len(sizes)) * (top + 1)).astype(np.int64)
        taken = (chosen == pick[:, None]).any(axis=1)
        chosen[:, i] = np.where(taken, top, pick)
    return chosen
