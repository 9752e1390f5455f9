"""Fitted linear models: what they know of every model, and each user's best of all items."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark import packing
from ymr_spark.errors import DataContractError
from ymr_spark.models import columns
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear import topk
from ymr_spark.models.linear.factors import FactorModel


class LinearModel(RatingModel[FactorModel]):
    """A model whose score is a sum of offsets and a product of factors."""

    kept = FactorModel
    parts = ("users", "songs")

    def recommendForAllUsers(self, numItems: int) -> DataFrame:
        """The best `numItems` items that each user has not rated, exactly, of all items.

        Returns:
            (userCol, recommendations): the latter an array of (itemCol, rating), the best first,
            with predictions in stars as rating; of equals the least id is first.
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
        ranked = topk.recommend(packing.by_user(rated), self.scorer, count)
        ranked = self.items.named(ranked, "song_id", "_item")
        stars = topk.in_stars(F.col("score"), self.scorer).cast("float")
        one = F.struct("rank", "_item", stars.alias("rating"))
        lists = ranked.groupBy("user_id").agg(F.sort_array(F.collect_list(one)).alias("ranked"))
        found = F.transform("ranked", lambda r: F.struct(r["_item"].alias(item), r["rating"]))
        named = lists.select("user_id", found.alias("recommendations"))
        named = self.users.named(named, "user_id", "_user")
        return named.select(F.col("_user").alias(user), "recommendations")
