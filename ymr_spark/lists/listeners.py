"""The lists of a sample of users by several models, and what these users liked of what they did
not know."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark.models import topk
from ymr_spark.models.ranker import Ranker
from ymr_spark.models.second_stage import SecondStage
from ymr_spark.packing import Packed, by_user
from ymr_spark.ratings import level, scale_of, with_scale

# A song is liked that is rated this share of the scale above its lowest rating: 4 of 1..5 stars.
LIKED = 0.75


@dataclass(frozen=True)
class Listeners:
    """Some users, whose held-out songs of one split are to be found.

    Attributes:
        liked: (user_id, song_id), each once, songs of that split.
        heard: all that these users have rated in others, which no list has.
    """

    split: str
    liked: pa.Table
    heard: Packed

    @classmethod
    def of(
        cls, ratings: DataFrame, split: str, heard: Sequence[str], *, users: int, seed: int
    ) -> "Listeners":
        """So many of the users who have rows of the split.

        Args:
            ratings: schemas.RATINGS rows.
            heard: the splits whose songs are left out.
        """
        judged = ratings.where(F.col("split") == split)
        everyone = judged.select("user_id").distinct()
        everyone = everyone.orderBy(F.xxhash64("user_id", F.lit(seed)), "user_id")
        chosen = everyone.limit(users).toArrow()
        sample = F.broadcast(ratings.sparkSession.createDataFrame(chosen))
        # Of all ratings, since those of a few users may not tell it.
        scale = scale_of(ratings)
        rated = with_scale(ratings, scale).where(F.col("split").isin(*heard))
        packed = by_user(rated.join(sample, "user_id", "leftsemi"))
        # Few tasks, since each one readies all songs of its model.
        tasks = ratings.sparkSession.sparkContext.defaultParallelism
        packed = replace(packed, frame=packed.frame.coalesce(tasks))
        high = level(scale) >= math.ceil(LIKED * (scale.levels - 1))
        liked = judged.where(high).join(sample, "user_id", "leftsemi")
        return cls(split, liked.select("user_id", "song_id").toArrow(), packed)

    def lists(self, models: Sequence[Ranker], k: int) -> dict[str, pa.Table]:
        """(user_id, rank, song_id, score) by model, at most `k` a user."""
        name = (F.lit(model.name).alias("model") for model in models)
        found = [topk.recommend(self.heard, m, k).select("*", next(name)) for m in models]
        if not found:
            return {}
        ranked = reduce(DataFrame.union, found).toArrow()
        return {m.name: ranked.filter(pc.equal(ranked["model"], pa.scalar(m.name))) for m in models}

    def reordered(self, model: Ranker, then: SecondStage, k: int) -> pa.Table:
        """second_stage.SCHEMA rows of the model's candidates."""
        return topk.recommend(self.heard, model, k, then=then).toArrow()
