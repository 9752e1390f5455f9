"""The rows of a table in Spark's tasks, straight from its Parquet files.

Spark would make rows of its columns and columns of these rows again, which takes longer than all
else that is done to them.
"""

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession

from ymr_spark.pipeline.table_schemas import arrow_schema
from ymr_spark.pipeline.warehouse import Warehouse

Batches = Iterable[pa.RecordBatch]


def map_in_arrow(
    spark: SparkSession,
    warehouse: Warehouse,
    table: str,
    kernel: Callable[[Batches], Batches],
    schema: str,
) -> DataFrame:
    """What the kernel makes of the batches of each data file of the table at its pinned version, a
    task each; their columns are the schema's of the table.

    Raises:
        DataContractError: there is no such table.
    """
    warehouse.require(table)
    files, root = [*map(str, warehouse.files(table))], str(warehouse.path(table))
    columns = arrow_schema(table)

    def batches(numbers: Batches) -> Iterator[pa.RecordBatch]:
        for batch in numbers:
            for number in batch.column(0).to_numpy().tolist():
                rows = ds.dataset(files[number], partitioning="hive", partition_base_dir=root)
                yield from rows.to_batches(columns=columns.names)

    def work(numbers: Batches) -> Batches:
        return kernel(batches(numbers))

    return spark.range(0, len(files), 1, len(files)).mapInArrow(work, schema)
