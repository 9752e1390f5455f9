"""What each user's list is worth, by the liked songs that were held out.

For a user with the set T of liked held-out songs and the first K songs of a list,

    recall@K = |list ∩ T| / |T|,
    NDCG@K   = Σ_{ranks r <= K of T in the list} 1/log2(r + 1)
               / Σ_{r = 1..min(K, |T|)} 1/log2(r + 1),

the latter with gains of 0 or 1 (Järvelin and Kekäläinen 2002).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ymr_spark.models.arrays import Flags, Floats, Ints

LENGTH = 100  # of the lists that are judged
NAMES = ("ndcg_100", "ndcg_10", "recall_100", "recall_20")


@dataclass(frozen=True)
class Worth:
    """By user: `values` (users, NAMES), for the ascending ids `users` (users,)."""

    users: Ints
    values: Floats


def worth(lists: pa.Table, liked: pa.Table) -> Worth:
    """Of each user who has a liked song.

    Args:
        lists: (user_id, rank, song_id), ranks from 1 to LENGTH or less.
        liked: (user_id, song_id), each once, the held-out songs.
    """
    users, sizes = np.unique(liked["user_id"].to_numpy(), return_counts=True)
    hits = are_liked(lists["user_id"].to_numpy(), lists["song_id"].to_numpy(), liked)
    user = np.searchsorted(users, lists["user_id"].to_numpy()[hits])
    ranks = lists["rank"].to_numpy()[hits]
    values = [
        *(_ndcg(sizes, user, ranks, k) for k in (LENGTH, 10)),
        *(np.bincount(user[ranks <= k], minlength=len(sizes)) / sizes for k in (LENGTH, 20)),
    ]
    return Worth(users, np.stack(values, axis=1))


def _ndcg(sizes: Ints, user: Ints, ranks: Ints, k: int) -> Floats:
    gains: Floats = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(gains)[np.minimum(sizes, k) - 1]
    within = ranks <= k
    gained = np.bincount(user[within], gains[ranks[within] - 1], minlength=len(sizes))
    found: Floats = gained / ideal
    return found


def are_liked(users: Ints, songs: Ints, liked: pa.Table) -> Flags:
    """Which pairs (pairs,) are among the rows of `liked`."""
    pairs = _pairs(liked["user_id"].to_numpy(), liked["song_id"].to_numpy())
    return np.isin(_pairs(users, songs), pairs)


def _pairs(users: Ints, songs: Ints) -> Ints:
    pairs: Ints = (users.astype(np.int64) << 32) + songs
    return pairs


def of_users(found: Worth, users: Ints) -> Worth:
    """Of those of some users."""
    kept = np.isin(found.users, users)
    return Worth(found.users[kept], found.values[kept])
