"""Which users get recommendations."""

from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F


def audience(
    spark: SparkSession, rated: DataFrame, wanted: Sequence[int] | None
) -> tuple[DataFrame, list[int]]:
    """The ratings of the wanted users, and those of them who have none.

    Args:
        wanted: numbers of users; None for everyone with a rating.
    """
    if wanted is None:
        return rated, []
    users = spark.createDataFrame(pa.table({"user_id": pa.array(wanted, pa.int32())}))
    mine = rated.join(F.broadcast(users), "user_id", how="leftsemi")
    found = {row["user_id"] for row in mine.select("user_id").distinct().collect()}
    return mine, sorted(set(wanted) - found)
