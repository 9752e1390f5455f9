"""The rows of a table in Spark's tasks, straight from its Parquet files.

Spark would make rows of its columns and columns of these rows again, which takes longer than all
else that is done to them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from ymr_spark.pipeline.table_schemas import arrow_schema
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.store import locations, parquet
from ymr_spark.store.locations import Location
from ymr_spark.store.parquet import Kernel


@dataclass(frozen=True)
class DataFiles:
    """Those of a table at its pinned version, a task for each group of them.

    Attributes:
        groups: a row a group.
        read: makes batches, whose columns are the schema's of the table, of such rows.
    """

    groups: DataFrame
    read: Kernel

    def map(self, kernel: Kernel, schema: str | T.StructType) -> DataFrame:
        """What the kernel makes of the batches of each group."""
        read = self.read
        return self.groups.mapInArrow(lambda batches: kernel(read(batches)), schema)


def of(
    spark: SparkSession,
    warehouse: Warehouse,
    table: str,
    groups: Sequence[Sequence[Location]] | None = None,
    where: ds.Expression | None = None,
) -> DataFiles:
    """The data files of a table.

    Args:
        groups: of all of them; None for each file by itself.
        where: of partitions; of others no file is read.

    Raises:
        DataContractError: there is no such table.
    """
    warehouse.require(table)
    root, columns = str(warehouse.path(table)), arrow_schema(table).names
    found = groups or [[file] for file in warehouse.files(table)]
    kept = [some for files in found if (some := _within([*map(str, files)], root, where))]
    return of_paths(spark, kept, columns, root)


def of_paths(
    spark: SparkSession,
    groups: Sequence[Sequence[str | Location]],
    columns: Sequence[str],
    root: str | None = None,
) -> DataFiles:
    """Files of Parquet in groups.

    Args:
        root: the folder below which names of folders are partitions.
    """
    paths = [[*map(str, files)] for files in groups]
    tasks = spark.range(0, len(paths), 1, max(1, len(paths)))
    return DataFiles(tasks, parquet.reader(paths, [*columns], root))


def _within(files: list[str], root: str, where: ds.Expression | None) -> list[str]:
    if where is None:
        return files
    rows = parquet.dataset(files, root)
    kept = {fragment.path for fragment in rows.get_fragments(where)}
    _, paths = locations.for_arrow(files)
    return [file for file, path in zip(files, paths, strict=True) if path in kept]


def apart(warehouse: Warehouse, table: str, column: str) -> list[tuple[list[Location], float]]:
    """The data files of a table in groups, no two of which have a value of the column in common
    by the log, with the rows of each."""
    files = sorted(warehouse.extents(table, column), key=lambda file: (file.least, file.path))
    groups: list[tuple[list[Location], float]] = []
    most = -math.inf
    for file in files:
        if not groups or file.least > most:
            groups.append(([], 0))
        paths, rows = groups[-1]
        groups[-1] = [*paths, file.path], rows + file.rows
        most = max(most, file.most)
    return groups
