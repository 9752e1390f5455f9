"""The lists of a sample of users by several models, and what these users liked of what they did
not know."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark import packing
from ymr_spark.models import topk
from ymr_spark.models.ranker import Ranker
from ymr_spark.models.second_stage import Stage
from ymr_spark.packing import Block, Packed
from ymr_spark.runtime import cores

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
        cls, rated: Packed, split: str, heard: Sequence[str], *, users: int, seed: int
    ) -> "Listeners":
        """So many of the users who have rows of the split.

        Args:
            rated: `packing.by_user` of all splits.
            heard: the splits whose songs are left out.
        """
        spark = rated.frame.sparkSession
        everyone = rated.of(split).owners()
        everyone = everyone.orderBy(F.xxhash64("owner", F.lit(seed)), "owner")
        mine = rated.only(spark.createDataFrame(everyone.limit(users).toArrow()))
        # Few tasks, since each one readies all songs of its model.
        mine = mine.persisted(cores.parallelism(spark))
        least = rated.scale.values[math.ceil(LIKED * (rated.scale.levels - 1))]
        liked = mine.of(split).map(partial(_liked, least=least), "user_id int, song_id int")
        return cls(split, liked.toArrow(), mine.of(*heard))

    def lists(self, models: Sequence[Ranker], k: int) -> dict[str, pa.Table]:
        """(user_id, rank, song_id, score) by model, at most `k` a user."""
        name = (F.lit(model.name).alias("model") for model in models)
        found = [topk.recommend_wide(self.heard, m, k).select("*", next(name)) for m in models]
        if not found:
            return {}
        ranked = reduce(DataFrame.union, found).toArrow()
        return {
            m.name: packing.long(
                ranked.filter(pc.equal(ranked["model"], pa.scalar(m.name))).drop_columns("model")
            )
            for m in models
        }

    def staged(self, model: Ranker, then: Stage, k: int) -> pa.Table:
        """What a stage makes of the model's candidates: rows of its schema."""
        return packing.long(topk.recommend_wide(self.heard, model, k, then).toArrow())


def _liked(blocks: Iterator[Block], least: float) -> Iterable[pa.RecordBatch]:
    for block in blocks:
        high = block.ratings >= least
        users = np.repeat(block.owners, block.counts)[high]
        columns = [pa.array(ids, pa.int32()) for ids in (users, block.others[high])]
        yield pa.RecordBatch.from_arrays(columns, ["user_id", "song_id"])
