"""How well predictions order each user's few held-out songs.

With gains 2^(1 + 4 s) - 1, s being the share of the scale that lies below a rating, and the songs
in the order of their predictions,

    NDCG@K = Σ_{ranks r <= K} gain_r / log2(r + 1)  /  the same sum in the order of the ratings

(Järvelin and Kekäläinen 2002; the gains of Burges et al. 2005, of whose five grades the lowest
gains 1 and the highest 31, whatever the scale). Equal predictions have no order:
each has the mean gain of all its equals, which is the mean over all their orders (McSherry and
Najork 2008). Pairwise accuracy is the share of a user's pairs with different ratings that the
predictions order alike, a tie counting one half; Somers' D is twice that, less 1.
"""

from typing import NamedTuple

import numpy as np

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.records.leaderboard import NDCG_STARS
from ymr_spark.scale import Scale

K = NDCG_STARS
_DOUBLINGS = 4  # of a gain, from the lowest rating to the highest


class Ranked(NamedTuple):
    """The rows of users who count from 0 and ascend, each one's highest prediction first."""

    user: Ints
    ratings: Floats  # actual stars
    stars: Floats  # predictions


def ranked(user: Ints, ratings: Floats, stars: Floats) -> Ranked:
    """Rows whose `user` counts from 0 and ascends, put in order."""
    order = np.lexsort((-stars, user))
    return Ranked(user, ratings[order], stars[order])


def ndcg(rows: Ranked, scale: Scale, k: int = K) -> Floats:
    """NDCG@k of each user, (users,)."""
    user, ratings, stars = rows
    gains = np.exp2(1 + _DOUBLINGS * (ratings - scale.lowest) / scale.width) - 1
    starts = _starts(user)
    rank = np.arange(len(user)) - np.repeat(starts, np.diff(np.r_[starts, len(user)]))
    discounts = np.where(rank < k, 1 / np.log2(rank + 2), 0.0)
    ties = _starts(user, stars)
    sizes = np.diff(np.r_[ties, len(user)])
    shared = np.repeat(np.add.reduceat(gains, ties) / sizes, sizes)
    ideal = gains[np.lexsort((-gains, user))]
    gained, most = (np.add.reduceat(g * discounts, starts) for g in (shared, ideal))
    found: Floats = gained / most
    return found


def pairwise(rows: Ranked) -> tuple[Floats, Floats]:
    """Pairs in the right order and pairs with different ratings, (users,) each."""
    user, ratings, stars = rows
    first, last = _bounds(user)
    highest, lowest = _bounds(user, stars)
    right, pairs = np.zeros(len(user)), np.zeros(len(user))
    for rating in np.unique(ratings)[1:]:
        own = np.flatnonzero(ratings == rating)
        # Rows of lower ratings before each row; those of an equal prediction count one half.
        worse = np.r_[0, np.cumsum(ratings < rating)]
        right[own] = worse[last[own]] - (worse[highest[own]] + worse[lowest[own]]) / 2
        pairs[own] = worse[last[own]] - worse[first[own]]
    starts = _starts(user)
    return np.add.reduceat(right, starts), np.add.reduceat(pairs, starts)


def _bounds(*columns: Ints | Floats) -> tuple[Ints, Ints]:
    """Where each row's run of rows that are equal in all columns begins, and where it ends."""
    starts = _starts(*columns)
    ends = np.r_[starts[1:], len(columns[0])]
    return np.repeat(starts, ends - starts), np.repeat(ends, ends - starts)


def _starts(*columns: Ints | Floats) -> Ints:
    """Positions where a run of rows that are equal in all columns begins."""
    new = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.flatnonzero(np.r_[True, new])
