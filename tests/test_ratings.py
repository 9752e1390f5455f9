from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.ratings import scale_of, with_scale
from ymr_spark.scale import Scale

HALVES = Scale(0.5, 5.0, 0.5)


def test_the_scale_goes_with_the_ratings_into_a_table_and_out(
    spark: SparkSession, tmp_path: Path
) -> None:
    frame = spark.createDataFrame(
        [(1, 2, 4.0), (1, 3, 1.0)], "user_id int, song_id int, rating float"
    )
    noted = with_scale(frame, HALVES)
    assert scale_of(noted.where("rating > 1").select("rating", "user_id")) == HALVES
    noted.write.format("delta").save(str(tmp_path / "table"))
    assert scale_of(spark.read.format("delta").load(str(tmp_path / "table"))) == HALVES


def test_without_a_note_the_values_tell(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1.5,), (4.0,), (5.0,)], "stars double")
    assert scale_of(frame, "stars") == Scale(1.5, 5.0, 0.5)
    with pytest.raises(DataContractError, match="expected two different numbers"):
        scale_of(frame.where(F.col("stars") > 4.5), "stars")
    with pytest.raises(DataContractError, match="expected two different numbers"):
        scale_of(spark.createDataFrame([(None,), (4.0,), (5.0,)], "stars double"), "stars")
