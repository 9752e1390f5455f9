"""Fitted models that can put all items in order: each user's best of them."""

from typing import TypeVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from ymr_spark import packing
from ymr_spark.errors import DataContractError
from ymr_spark.models import columns, topk
from ymr_spark.models.arrays import CHANCES, Link
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.ranker import RankingScorer
from ymr_spark.scale import Scale

Kept = TypeVar("Kept", bound=RankingScorer)


class RankingModel(RatingModel[Kept]):
    """A model whose arrays have a `Ranker`."""

    def recommendForAllUsers(self, numItems: int) -> DataFrame:
        """The best `numItems` items that each user has not rated, exactly, of all items.

        Returns:
            (userCol, recommendations): the latter an array of (itemCol, rating), the best first,
            with the stars, or what else it orders them by, as rating; of equals the least id is
            first.
        """
        return self._recommended(self._rated(), numItems)

    def recommendForUserSubset(self, dataset: DataFrame, numItems: int) -> DataFrame:
        """The same for the users in `userCol` of a frame; those whom the model does not know are
        left out."""
        user = self.column("userCol")
        columns.require_ids(dataset, user)
        wanted = self.users.coded(dataset.select(user).distinct(), user, "user_id")
        return self._recommended(self._rated().join(wanted, "user_id", "leftsemi"), numItems)

    def _rated(self) -> DataFrame:
        if self.rated is None:
            raise DataContractError("a model that does not know what its users have rated")
        return self.rated

    def _recommended(self, rated: DataFrame, count: int) -> DataFrame:
        user, item = self.column("userCol"), self.column("itemCol")
        ranker = self.scorer.ranker
        ranked = topk.recommend(packing.by_user(rated), ranker, count)
        ranked = self.items.named(ranked, "song_id", "_item")
        stars = in_stars(F.col("score"), self.scorer.scale, ranker.link).cast("float")
        one = F.struct("rank", "_item", stars.alias("rating"))
        lists = ranked.groupBy("user_id").agg(F.sort_array(F.collect_list(one)).alias("ranked"))
        found = F.transform("ranked", lambda r: F.struct(r["_item"].alias(item), r["rating"]))
        named = lists.select("user_id", found.alias("recommendations"))
        named = self.users.named(named, "user_id", "_user")
        return named.select(F.col("_user").alias(user), "recommendations")


def in_stars(score: Column, scale: Scale, link: Link) -> Column:
    """The prediction of a score, see `arrays.to_stars`."""
    if link in CHANCES:
        return score
    if link == "clip":
        return F.greatest(F.least(score, F.lit(scale.highest)), F.lit(scale.lowest))
    return scale.lowest + scale.width / (1 + F.exp(-score))
