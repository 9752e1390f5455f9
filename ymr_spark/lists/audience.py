"""Which users get recommendations."""

from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql import SparkSession

from ymr_spark.packing import Packed


def audience(
    spark: SparkSession, rated: Packed, wanted: Sequence[int] | None
) -> tuple[Packed, list[int]]:
    """The ratings of the wanted users, and those of them who have none.

    Args:
        rated: `packing.by_user`.
        wanted: numbers of users; None for everyone with a rating.
    """
    if wanted is None:
        return rated, []
    users = spark.createDataFrame(pa.table({"user_id": pa.array(wanted, pa.int32())}))
    mine = rated.only(users)
    found = {row["owner"] for row in mine.owners().collect()}
    return mine, sorted(set(wanted) - found)
