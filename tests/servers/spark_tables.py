"""Writes a Delta table and a Parquet file at the URLs given, and reads them back."""

import sys

from ymr_spark.runtime import session

ROWS = 1000


def main(delta: str, parquet: str) -> None:
    spark = session.build("tables at URLs")
    rows = spark.range(ROWS).selectExpr("id", "id % 2 AS part")
    for condition in ("part = 0", "part = 1"):
        part = rows.where(condition).write.format("delta").partitionBy("part")
        part.mode("overwrite").option("replaceWhere", condition).save(delta)
    spark.read.format("delta").load(delta).write.parquet(parquet)
    assert spark.read.parquet(parquet).count() == ROWS
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
