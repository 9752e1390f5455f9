"""How good lists of K songs are, judged by the liked songs that were held out.

For a user with the set T of liked held-out songs and a list of K,

    recall = |list ∩ T| / |T|,
    NDCG   = Σ_{ranks r of T in the list} 1/log2(r + 1)  /  Σ_{r = 1..min(K, |T|)} 1/log2(r + 1),

the latter with gains of 0 or 1 (Järvelin and Kekäläinen 2002). Both are means over users.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.linear import topk
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.packing import by_user
from ymr_spark.ratings import level, scale_of, with_scale
from ymr_spark.records.record import Record

# A song is liked that is rated this share of the scale above its lowest rating: 4 of 1..5 stars.
LIKED = 0.75


class ListQuality(Record):
    """A schemas.RANKING row. Without a user that has a liked song there is no recall, no NDCG.

    Attributes:
        users: judged.
        coverage: share of the songs that is in any list.
    """

    model: str
    k: int
    users: int
    recall: float | None
    ndcg: float | None
    coverage: float


def of_models(
    ratings: DataFrame,
    models: Sequence[FactorModel],
    *,
    k: int,
    users: int,
    seed: int,
) -> list[ListQuality]:
    """How good each model's lists are, for so many users of the test rows.

    Args:
        ratings: schemas.RATINGS rows.
    """
    test = ratings.where(F.col("split") == "test")
    everyone = test.select("user_id").distinct()
    everyone = everyone.orderBy(F.xxhash64("user_id", F.lit(seed)), "user_id")
    sample = F.broadcast(everyone.limit(users).cache())
    # Of all ratings, since those of a few users may not tell it.
    scale = scale_of(ratings)
    rated = with_scale(ratings, scale).where(F.col("split") != "test")
    heard = by_user(rated.join(sample, "user_id", "leftsemi"))
    # Few tasks, since each one readies all songs of its model; one job for all models.
    tasks = ratings.sparkSession.sparkContext.defaultParallelism
    heard = replace(heard, frame=heard.frame.coalesce(tasks))
    lists = [topk.recommend(heard, m, k).select("*", F.lit(m.name).alias("model")) for m in models]
    ranked = reduce(DataFrame.union, lists).toArrow()
    high = level(scale) >= math.ceil(LIKED * (scale.levels - 1))
    of_sample = test.where(high).join(sample, "user_id", "leftsemi")
    liked = of_sample.select("user_id", "song_id").toArrow()
    found = []
    for model in models:
        mine = ranked.filter(pc.equal(ranked["model"], pa.scalar(model.name)))
        found.append(quality(model.name, mine, liked, k, len(model.song_ids)))
    return found


def quality(model: str, lists: pa.Table, liked: pa.Table, k: int, songs: int) -> ListQuality:
    """How good one model's lists are.

    Args:
        lists: (user_id, rank, song_id), at most k a user.
        liked: (user_id, song_id), each once, the held-out songs; only their users count.
        songs: that could have been recommended.
    """
    users, sizes = np.unique(liked["user_id"].to_numpy(), return_counts=True)
    hits = np.isin(_pairs(lists), _pairs(liked))
    position = np.searchsorted(users, lists["user_id"].to_numpy()[hits])
    ranks = lists["rank"].to_numpy()[hits]
    recall, ndcg = _means(sizes, position, ranks, k)
    coverage = len(np.unique(lists["song_id"].to_numpy())) / songs
    return ListQuality(
        model=model, k=k, users=len(users), recall=recall, ndcg=ndcg, coverage=coverage
    )


def _pairs(rows: pa.Table) -> Ints:
    pairs: Ints = (rows["user_id"].to_numpy().astype(np.int64) << 32) + rows["song_id"].to_numpy()
    return pairs


def _means(sizes: Ints, position: Ints, ranks: Ints, k: int) -> tuple[float | None, float | None]:
    if not len(sizes):
        return None, None
    k = min(k, max(sizes.max(), ranks.max(initial=1)))  # no rank after these counts
    gains: Floats = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(gains)[np.minimum(sizes, k) - 1]
    found = np.bincount(position, minlength=len(sizes))
    gained = np.bincount(position, gains[ranks - 1], minlength=len(sizes))
    return float(np.mean(found / sizes)), float(np.mean(gained / ideal))
