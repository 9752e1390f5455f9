import pytest
from builders import ratings, table
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.warehouse import Warehouse, identity

ROWS = [(1, 2, 5), (1, 3, 1), (2, 2, 4)]


def test_reads_stay_at_the_pinned_version(spark: SparkSession, warehouse: Warehouse) -> None:
    warehouse.write(ratings(spark, ROWS), "ratings")
    reader = Warehouse(warehouse.root)
    before = reader.read(spark, "ratings")
    assert warehouse.write(ratings(spark, ROWS[:1]), "ratings") == 1
    assert (before.count(), reader.read(spark, "ratings").count()) == (3, 3)
    assert warehouse.read(spark, "ratings").count() == 1


def test_one_partition_is_replaced(spark: SparkSession, warehouse: Warehouse) -> None:
    def prediction(model: str, stars: float) -> tuple:
        return (model, "test", 1, 2, stars, False)

    for model, stars in (("bias", 1.0), ("als", 2.0), ("bias", 3.0)):
        frame = table(spark, "predictions", [prediction(model, stars)])
        warehouse.write(frame, "predictions", where={"model": model})
    found = {r.model: r.prediction for r in warehouse.read(spark, "predictions").collect()}
    assert found == {"bias": 3.0, "als": 2.0}


def test_state_follows_content(spark: SparkSession, warehouse: Warehouse) -> None:
    assert warehouse.state("ratings") is None
    warehouse.write(ratings(spark, ROWS), "ratings")
    first = warehouse.state("ratings")
    assert first == warehouse.state("ratings")
    warehouse.write(ratings(spark, ROWS[:2]), "ratings")
    assert warehouse.state("ratings") not in (None, first)


def test_a_missing_table_names_the_job(spark: SparkSession, warehouse: Warehouse) -> None:
    with pytest.raises(DataContractError, match=r"ratings: not there.*jobs/ingest\.py"):
        warehouse.read(spark, "ratings")
    with pytest.raises(DataContractError, match=r"raw\.folder=DIR"):
        warehouse.require("raw/")


def test_another_schema_is_refused(spark: SparkSession, warehouse: Warehouse) -> None:
    wrong = ratings(spark, ROWS).withColumn("rating", F.lit(5).cast("long"))
    with pytest.raises(DataContractError, match=r"rating.*bigint"):
        warehouse.write(wrong, "ratings")
    wrong.write.format("delta").save(str(warehouse.path("ratings")))
    with pytest.raises(DataContractError, match="table ratings: columns"):
        warehouse.read(spark, "ratings")


def test_identity_is_of_the_rows_only(spark: SparkSession) -> None:
    frame = ratings(spark, ROWS)
    same = identity(frame.orderBy("rating").repartition(3))
    assert identity(frame) == same
    assert same["train"][0] == 3
    for other in (ROWS[:2], [*ROWS, ROWS[0]], [(1, 2, 4), *ROWS[1:]], [(2, 2, 5), *ROWS[1:]]):
        assert identity(ratings(spark, other))["train"][1] != same["train"][1]
