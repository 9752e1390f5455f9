"""Whether two warehouses hold the same: rows by content hash, models to float tolerance."""

import pandas as pd
from pyspark.sql import SparkSession

from ymr_spark import schemas
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import identity
from ymr_spark.store import locations

# Clocks and versions differ between runs that are the same.
_OF_THE_RUN = ["fit_seconds", "ratings_version"]


def assert_same_tables(spark: SparkSession, one: Warehouse, other: Warehouse) -> None:
    # New objects read the newest versions.
    one, other = Warehouse(one.root), Warehouse(other.root)
    assert identity(one.read(spark, "ratings")) == identity(other.read(spark, "ratings"))
    written = {path.name for path in locations.within(one.path("ratings").parent)}
    assert written == {path.name for path in locations.within(other.path("ratings").parent)}
    for table in sorted(written & set(schemas.TABLES) - {"ratings"}):
        left, right = _rows(spark, one, table), _rows(spark, other, table)
        pd.testing.assert_frame_equal(left, right, rtol=1e-3, atol=1e-4, obj=table)


def _rows(spark: SparkSession, warehouse: Warehouse, table: str) -> pd.DataFrame:
    frame = warehouse.read(spark, table).toPandas()
    frame = frame.drop(columns=_OF_THE_RUN, errors="ignore")
    keys = [
        c for c in frame.columns if frame[c].dtype.kind in "iub" or isinstance(frame[c].get(0), str)
    ]
    # Ratings are keys too, and floats.
    keys += [c for c in frame.columns if frame[c].dtype.kind == "f"]
    return frame.sort_values(keys, ignore_index=True)
