"""How well predictions order each user's few held-out songs.

With gains 2^rating - 1 and the songs in the order of their predictions,

    NDCG@K = Σ_{ranks r <= K} gain_r / log2(r + 1)  /  the same sum in the order of the ratings

(Järvelin and Kekäläinen 2002; the gains of Burges et al. 2005). Equal predictions have no order:
each has the mean gain of all its equals, which is the mean over all their orders (McSherry and
Najork 2008). Pairwise accuracy is the share of a user's pairs with different ratings that the
predictions order alike, a tie counting one half; Somers' D is twice that, less 1.
"""

import numpy as np

from ymr_spark.models.factors import Floats, Ints

K = 10


def ndcg(user: Ints, ratings: Ints, stars: Floats, k: int = K) -> Floats:
    """(users,) of the rows of each user; `user` counts from 0 and ascends.

    Args:
        ratings: actual stars, 1..5.
        stars: predictions.
    """
    gains = np.exp2(ratings) - 1
    starts = _starts(user)
    rank = np.arange(len(user)) - np.repeat(starts, np.diff(np.r_[starts, len(user)]))
    discounts = np.where(rank < k, 1 / np.log2(rank + 2), 0.0)
    order = np.lexsort((-stars, user))
    ties = _starts(user[order], stars[order])
    sizes = np.diff(np.r_[ties, len(user)])
    shared = np.repeat(np.add.reduceat(gains[order], ties) / sizes, sizes)
    ideal = gains[np.lexsort((-gains, user))]
    gained, most = (np.add.reduceat(g * discounts, starts) for g in (shared, ideal))
    found: Floats = gained / most
    return found


def pairwise(user: Ints, ratings: Ints, stars: Floats) -> tuple[Floats, Floats]:
    """Pairs in the right order and pairs with different ratings, (users,) each."""
    users = int(user[-1]) + 1
    right, pairs = np.zeros(users), np.zeros(users)
    signed = ratings.astype(np.int8)
    for apart in range(1, int(np.bincount(user).max())):
        row = np.flatnonzero((user[apart:] == user[:-apart]) & (signed[apart:] != signed[:-apart]))
        actual = np.sign(signed[row + apart] - signed[row])
        alike = np.sign(stars[row + apart] - stars[row]) * actual
        pairs += np.bincount(user[row], minlength=users)
        right += np.bincount(user[row], (alike + 1) / 2, minlength=users)
    return right, pairs


def _starts(*columns: Ints | Floats) -> Ints:
    """Positions where a run of rows that are equal in all columns begins."""
    new = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.flatnonzero(np.r_[True, new])
