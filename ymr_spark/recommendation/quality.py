"""How good lists of K songs are, judged by the liked songs that were held out.

For a user with the set T of liked held-out songs and a list of K,

    recall = |list ∩ T| / |T|,
    NDCG   = Σ_{ranks r of T in the list} 1/log2(r + 1)  /  Σ_{r = 1..min(K, |T|)} 1/log2(r + 1),

the latter with gains of 0 or 1 (Järvelin and Kekäläinen 2002). Both are means over users.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from ymr_spark.models.factors import Floats, Ints


def quality(lists: pa.Table, liked: pa.Table, k: int, songs: int) -> dict[str, Any]:
    """users, recall, ndcg, and coverage: the share of the songs that is in any list.

    Args:
        lists: (user_id, rank, song_id), at most k a user.
        liked: (user_id, song_id), each once, the held-out songs; only their users count.
        songs: that could have been recommended.
    """
    users, sizes = np.unique(liked["user_id"].to_numpy(), return_counts=True)
    hits = np.isin(_pairs(lists), _pairs(liked))
    position = np.searchsorted(users, lists["user_id"].to_numpy()[hits])
    ranks = lists["rank"].to_numpy()[hits]
    return {
        "users": len(users),
        **_means(sizes, position, ranks, k),
        "coverage": len(np.unique(lists["song_id"].to_numpy())) / songs,
    }


def _pairs(rows: pa.Table) -> Ints:
    pairs: Ints = (rows["user_id"].to_numpy().astype(np.int64) << 32) + rows["song_id"].to_numpy()
    return pairs


def _means(sizes: Ints, position: Ints, ranks: Ints, k: int) -> dict[str, float | None]:
    if not len(sizes):
        return {"recall": None, "ndcg": None}
    gains: Floats = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(gains)[np.minimum(sizes, k) - 1]
    found = np.bincount(position, minlength=len(sizes))
    gained = np.bincount(position, gains[ranks - 1], minlength=len(sizes))
    return {"recall": float(np.mean(found / sizes)), "ndcg": float(np.mean(gained / ideal))}
