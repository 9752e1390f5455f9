"""How good lists of K songs are, judged by the liked songs that were held out.

For a user with the set T of liked held-out songs and a list of K,

    recall = |list ∩ T| / |T|,
    NDCG   = Σ_{ranks r of T in the list} 1/log2(r + 1)  /  Σ_{r = 1..min(K, |T|)} 1/log2(r + 1),

the latter with gains of 0 or 1 (Järvelin and Kekäläinen 2002). Both are means over users.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from ymr_spark.models.factors import Floats


def quality(lists: DataFrame, liked: DataFrame, k: int, songs: int) -> dict[str, Any]:
    """users, recall, ndcg, and coverage: the share of the songs that is in any list.

    Args:
        lists: (user_id, rank, song_id), at most k a user.
        liked: (user_id, song_id), the held-out songs; only their users count.
        songs: that could have been recommended.
    """
    wanted = liked.groupBy("user_id").count().toArrow()
    hits = lists.join(liked, ["user_id", "song_id"]).select("user_id", "rank").toArrow()
    covered = lists.select("song_id").distinct().count()
    return {
        "users": wanted.num_rows,
        **_means(wanted, hits, k),
        "coverage": covered / songs,
    }


def _means(wanted: pa.Table, hits: pa.Table, k: int) -> dict[str, float | None]:
    users, sizes = (wanted.column(c).to_numpy() for c in ("user_id", "count"))
    if len(users) == 0:
        return {"recall": None, "ndcg": None}
    gains: Floats = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(gains)[np.minimum(sizes, k) - 1]
    order = np.argsort(users)
    position = order[np.searchsorted(users[order], hits.column("user_id").to_numpy())]
    ranks = hits.column("rank").to_numpy()
    found = np.bincount(position, minlength=len(users))
    gained = np.bincount(position, gains[ranks - 1], minlength=len(users))
    return {"recall": float(np.mean(found / sizes)), "ndcg": float(np.mean(gained / ideal))}
