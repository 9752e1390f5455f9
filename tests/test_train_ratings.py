"""Ratings of any type of numbers are the same ratings."""

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.scale import Scale

ROWS = [(1, 2, 3.0, False), (1, 3, 1.0, False), (2, 2, 5.0, True)]


@pytest.mark.parametrize("kind", ["tinyint", "bigint", "float", "double", "decimal(3,2)"])
def test_ratings_of_any_type_of_numbers(spark: SparkSession, kind: str) -> None:
    frame = spark.createDataFrame(ROWS, "user int, song int, stars double, later boolean")
    frame = frame.withColumn("stars", F.col("stars").cast(kind))
    found = TrainRatings.of(frame, "user", "song", "stars", "later")
    assert found.scale == Scale(1, 5, 2)
    for packed in (found.by_user, found.by_song):
        assert packed.frame.count() > 0
        assert packed.scale == found.scale
    assert found.train_arrays.stars.tolist() == [3, 1]
    assert found.validation_arrays.stars.tolist() == [5]
    found.unpersist()
