"""Fitted models that know a user by the items that were rated."""

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from ymr_spark.models.neighbors import item_weights
from ymr_spark.models.neighbors.item_weights import ItemWeights
from ymr_spark.models.ranking_model import RankingModel

_GROUPS = 64


class ItemModel(RankingModel[ItemWeights]):
    """score(u, i) = Σ_{j rated by u} weight(j, i). What was rated is what it was fitted to."""

    kept = ItemWeights
    parts = ("weights",)

    @property
    def by_pairs(self) -> None:
        """It takes what the user has rated."""

    def _scored(self, dataset: DataFrame, prediction: str, fallback: str) -> DataFrame:
        shared = dataset.sparkSession.sparkContext.broadcast(self.scorer)
        kept = dataset.columns

        def score(asked: pa.Table, rated: pa.Table) -> pa.Table:
            pairs, heard = (
                (table.column(one).to_numpy(), table.column(other).to_numpy())
                for table, one, other in (
                    (asked, "_user", "_item"),
                    (rated, "user_id", "song_id"),
                )
            )
            scores, known = item_weights.scores(shared.value, *pairs, *heard)
            columns = map(pa.array, (scores, ~known))
            return pa.Table.from_arrays(
                [*asked.select(kept).columns, *columns], [*kept, prediction, fallback]
            )

        schema = T.StructType([*dataset.schema, T.StructField(prediction, T.DoubleType())])
        schema = schema.add(fallback, T.BooleanType())
        asked = self.users.with_codes(dataset, self.column("userCol"), "_user")
        asked = self.items.with_codes(asked, self.column("itemCol"), "_item")
        rated = self._rated().select("user_id", "song_id")
        grouped = asked.groupBy((F.col("_user") % _GROUPS).alias("_group"))
        heard = rated.groupBy((F.col("user_id") % _GROUPS).alias("_group"))
        return grouped.cogroup(heard).applyInArrow(score, schema)
