"""Tables by way of their Parquet files: written and read in tasks, committed once."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from builders import ratings
from deltalake import DeltaTable
from on_disk import Warehouse
from pyspark.sql import SparkSession

from ymr_spark import schemas
from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import data_files
from ymr_spark.pipeline.table_schemas import arrow_schema
from ymr_spark.ratings import noting
from ymr_spark.scale import Scale
from ymr_spark.store.parquet import WRITTEN, Kernel

ROWS = [(user, song, 1 + (user + song) % 5) for user in range(6) for song in range(4)]
EACH = [(5, 0.5, "train"), (4, 2.0, "train"), (9, 5.0, "test")]
HALVES = Scale(0.5, 5, 0.5)


def three_each() -> Kernel:
    """schemas.RATINGS of numbers: a user each, two train rows and a test row."""
    each = EACH

    def rows_of(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for user in batch.column(0).to_numpy().tolist():
                rows = [
                    {"user_id": user, "song_id": song, "rating": stars, "split": split}
                    for song, stars, split in each
                ]
                rows = [row | {"part": user % 2} for row in rows]
                yield pa.RecordBatch.from_pylist(rows, arrow_schema("ratings"))

    return rows_of


def written(spark: SparkSession, warehouse: Warehouse, users: int) -> int:
    kernel = warehouse.writer("ratings", three_each())
    files = spark.range(0, users, 1, 2).mapInArrow(kernel, WRITTEN)
    return warehouse.commit(files, "ratings", noting(schemas.RATINGS, HALVES))


def test_what_tasks_wrote_is_a_table_of_delta(spark: SparkSession, warehouse: Warehouse) -> None:
    assert written(spark, warehouse, 8) == 0
    fresh = Warehouse(warehouse.root)
    rows = sorted(map(tuple, fresh.read(spark, "ratings").collect()))
    expected = [
        (u, s, r, n, u % 2)
        for u in range(8)
        for s, r, n in [(5, 0.5, "train"), (4, 2, "train"), (9, 5, "test")]
    ]
    assert rows == sorted(expected)
    assert fresh.scale() == HALVES
    assert sorted(map(tuple, fresh.load("ratings").to_pandas().itertuples(index=False))) == rows
    # Each task writes one file a partition; rows stay in their order.
    assert len(fresh.files("ratings")) == 2 * 2 * 2
    read = data_files.of(spark, fresh, "ratings", where=pc.field("split") == "train")
    # However many batches there were.
    assert {pq.ParquetFile(str(f)).metadata.num_row_groups for f in fresh.files("ratings")} == {1}
    found = read.map(lambda batches: batches, schemas.RATINGS).toArrow()
    assert found["song_id"].to_pylist() == [5, 4] * 8


def test_no_files_have_no_rows(spark: SparkSession, warehouse: Warehouse) -> None:
    written(spark, warehouse, 3)
    files = data_files.of(spark, warehouse, "ratings", where=pc.field("split") == "validation")
    assert files.map(lambda batches: batches, schemas.RATINGS).count() == 0


def test_the_log_has_what_files_hold(spark: SparkSession, warehouse: Warehouse) -> None:
    written(spark, warehouse, 8)
    delta = DeltaTable(warehouse.path("ratings"))
    actions = pa.table(delta.get_add_actions(flatten=True)).to_pylist()
    train = [action for action in actions if action["partition.split"] == "train"]
    assert sum(action["num_records"] for action in actions) == 24
    assert {action["min.song_id"] for action in train} == {4}
    assert {action["max.rating"] for action in train} == {2.0}
    assert {action["null_count.user_id"] for action in actions} == {0}
    for action in actions:
        size = (warehouse.path("ratings") / action["path"]).stat().st_size
        assert action["size_bytes"] == size


def test_a_table_is_replaced_whole_or_by_a_partition(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    warehouse.write(ratings(spark, ROWS), "ratings")
    assert warehouse.read(spark, "ratings").count() == len(ROWS)
    before = warehouse.files("ratings")
    assert written(spark, warehouse, 3) == 1
    assert warehouse.read(spark, "ratings").count() == 9
    assert not {*before} & {*warehouse.files("ratings")}
    assert all(path.exists() for path in before)

    def said(by: str, stars: float) -> None:
        def say(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                row = {"model": by, "split": "test", "user_id": 1, "song_id": 2}
                row |= {"prediction": stars, "fallback": False, "fitted_to": "aa"}
                rows = [row] * len(batch)
                yield pa.RecordBatch.from_pylist(rows, arrow_schema("predictions"))

        kernel = warehouse.writer("predictions", say)
        files = spark.range(0, 2, 1, 2).mapInArrow(kernel, WRITTEN)
        warehouse.commit(files, "predictions", where={"model": by})

    for by, stars in (("als", 1.0), ("bias", 2.0), ("als", 3.0)):
        said(by, stars)
    table = Warehouse(warehouse.root).load("predictions")
    assert sorted(zip(*(table[n].to_pylist() for n in ("model", "prediction")), strict=True)) == [
        ("als", 3.0),
        ("als", 3.0),
        ("bias", 2.0),
        ("bias", 2.0),
    ]


def test_a_task_that_fails_commits_nothing(spark: SparkSession, warehouse: Warehouse) -> None:
    version = written(spark, warehouse, 3)

    rows = three_each()

    def failing(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from rows(batches)
        raise DataContractError("rows of 7 are missing")

    kernel = warehouse.writer("ratings", failing)
    files = spark.range(0, 8, 1, 2).mapInArrow(kernel, WRITTEN)
    with pytest.raises(Exception, match="rows of 7 are missing"):
        warehouse.commit(files, "ratings")
    assert Warehouse(warehouse.root).version("ratings") == version
    assert Warehouse(warehouse.root).read(spark, "ratings").count() == 9


def test_columns_of_another_type_are_refused(spark: SparkSession, warehouse: Warehouse) -> None:
    rows = three_each()

    def texts(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in rows(batches):
            columns = [pa.array(["a"] * 3), *batch.columns[1:]]
            yield pa.RecordBatch.from_arrays(columns, batch.schema.names)

    kernel = warehouse.writer("ratings", texts)
    files = spark.range(0, 2, 1, 2).mapInArrow(kernel, WRITTEN)
    with pytest.raises(Exception, match="'a'"):
        files.collect()


def test_files_are_apart_whose_values_do_not_overlap(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    frames = [
        ratings(spark, [(user, 1, 3.0) for user in users], split)
        for users, split in (((5, 9), "train"), ((1, 4), "train"), ((9, 12), "test"))
    ]
    for frame in frames:
        frame.coalesce(1)
    rows = frames[0].coalesce(1).union(frames[1].coalesce(1)).union(frames[2].coalesce(1))
    warehouse.write(rows, "ratings")
    groups = data_files.apart(warehouse, "ratings", "user_id")
    assert [(len(files), rows) for files, rows in groups] == [(1, 2), (2, 4)]
    assert {path for files, _ in groups for path in files} == {*warehouse.files("ratings")}
    assert all(isinstance(path, Path) for files, _ in groups for path in files)


def test_files_of_which_the_log_says_nothing_may_have_anything(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    rows_of_three = ratings(spark, ROWS).repartitionByRange(3, "user_id")
    spark.conf.set("spark.databricks.delta.stats.collect", "false")
    try:
        rows_of_three.write.format("delta").save(str(warehouse.path("ratings")))
    finally:
        spark.conf.unset("spark.databricks.delta.stats.collect")
    [(files, rows)] = data_files.apart(warehouse, "ratings", "user_id")
    assert len(files) == 3
    assert rows > len(ROWS)


def test_spark_reads_what_is_written_as_any_table_of_delta(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    warehouse.write(ratings(spark, ROWS), "ratings")
    frame = spark.read.format("delta").load(str(warehouse.path("ratings")))
    assert sorted(map(tuple, frame.select("user_id", "song_id", "rating").collect())) == ROWS


def test_rows_that_are_deleted_in_their_files_are_not_read_as_if_they_were_not(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    warehouse.write(ratings(spark, ROWS).coalesce(1), "ratings")
    table = f"delta.`{warehouse.path('ratings')}`"
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES (delta.enableDeletionVectors = true)")
    spark.sql(f"DELETE FROM {table} WHERE user_id = 1 AND song_id = 1")
    fresh = Warehouse(warehouse.root)
    for read in (lambda: fresh.read(spark, "ratings"), lambda: fresh.load("ratings")):
        with pytest.raises(
            DataContractError, match=r"reader version 3, .*run jobs/ingest\.py again"
        ):
            read()
