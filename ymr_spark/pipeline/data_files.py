"""The rows of a table in Spark's tasks, straight from its Parquet files and to them.

Spark would make rows of its columns and columns of these rows again, which takes longer than all
else that is done to them.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from ymr_spark import schemas
from ymr_spark.pipeline.table_schemas import arrow_schema
from ymr_spark.pipeline.warehouse import Warehouse

Batches = Iterable[pa.RecordBatch]
Kernel = Callable[[Batches], Batches]
WRITTEN = "path string, bytes long, modified long, statistics string"
_KINDS: dict[str, pa.DataType] = {
    **{"path": pa.string(), "bytes": pa.int64()},
    **{"modified": pa.int64(), "statistics": pa.string()},
}
_WRITTEN = pa.schema(_KINDS)
_ROWS_AT_ONCE = 1 << 20
_NUMBERS = ("INT32", "INT64", "FLOAT", "DOUBLE")


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
    groups: Sequence[Sequence[Path]] | None = None,
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
    groups: Sequence[Sequence[str | Path]],
    columns: Sequence[str],
    root: str | None = None,
) -> DataFiles:
    """Files of Parquet in groups.

    Args:
        root: the folder below which names of folders are partitions.
    """
    paths, names = [[*map(str, files)] for files in groups], [*columns]

    def read(numbers: Batches) -> Iterator[pa.RecordBatch]:
        for batch in numbers:
            for number in batch.column(0).to_numpy().tolist():
                rows = ds.dataset(paths[number], partitioning="hive", partition_base_dir=root)
                yield from rows.to_batches(columns=names, batch_size=_ROWS_AT_ONCE)

    return DataFiles(spark.range(0, len(paths), 1, max(1, len(paths))), read)


def _within(files: list[str], root: str, where: ds.Expression | None) -> list[str]:
    if where is None:
        return files
    rows = ds.dataset(files, partitioning="hive", partition_base_dir=root)
    return [fragment.path for fragment in rows.get_fragments(where)]


def apart(warehouse: Warehouse, table: str, column: str) -> list[tuple[list[Path], float]]:
    """The data files of a table in groups, no two of which have a value of the column in common
    by the log, with the rows of each."""
    files = sorted(warehouse.extents(table, column), key=lambda file: (file.least, file.path))
    groups: list[tuple[list[Path], float]] = []
    most = -math.inf
    for file in files:
        if not groups or file.least > most:
            groups.append(([], 0))
        paths, rows = groups[-1]
        groups[-1] = [*paths, file.path], rows + file.rows
        most = max(most, file.most)
    return groups


def writer(warehouse: Warehouse, table: str, kernel: Kernel = iter) -> Kernel:
    """What writes that which the kernel makes of batches into the folder of a table, whose columns
    it has: WRITTEN rows, which `commit` makes data files of the table.

    Rows stay in their order and, but for partitions, in one file.
    """
    root, columns = str(warehouse.path(table)), arrow_schema(table)
    partitions = pa.schema([columns.field(name) for name in schemas.PARTITIONS.get(table, ())])

    def write(batches: Batches) -> Iterator[pa.RecordBatch]:
        found: list[Any] = []
        whole = (
            pa.Table.from_batches([b]).select(columns.names).cast(columns) for b in kernel(batches)
        )
        ds.write_dataset(
            (batch for table in whole for batch in table.to_batches()),
            root,
            # Of no other task, and of no other attempt at this one.
            basename_template=f"part-{uuid4().hex}-{{i}}.parquet",
            format="parquet",
            schema=columns,
            partitioning=ds.partitioning(partitions, flavor="hive"),
            existing_data_behavior="overwrite_or_ignore",
            # Who reads them works on a row group at a time.
            min_rows_per_group=_ROWS_AT_ONCE,
            max_rows_per_group=_ROWS_AT_ONCE,
            use_threads=False,
            file_visitor=found.append,
        )
        for file in (file for file in found if file.metadata.num_rows):
            path = Path(file.path)
            row = {
                "path": str(path.relative_to(root)),
                "bytes": file.size,
                "modified": int(path.stat().st_mtime * 1000),
                "statistics": json.dumps(_statistics(file.metadata)),
            }
            yield pa.RecordBatch.from_pylist([row], _WRITTEN)

    return write


def commit(
    warehouse: Warehouse,
    written: DataFrame,
    table: str,
    columns: T.StructType | None = None,
    where: dict[str, str] | None = None,
) -> int:
    """Replace the table, or only the partition `where` names, by WRITTEN files, in one Delta
    commit; return the new version.

    Args:
        columns: with metadata to keep; the schema's otherwise.
    """
    actions = [
        AddAction(
            row["path"],
            row["bytes"],
            dict(part.split("=", 1) for part in Path(row["path"]).parent.parts),
            row["modified"],
            True,
            row["statistics"],
        )
        for row in written.toArrow().sort_by("path").to_pylist()
    ]
    return warehouse.commit(actions, table, columns or schemas.TABLES[table], where)


def _statistics(metadata: pq.FileMetaData) -> dict[str, Any]:
    """Delta's, of columns of numbers."""
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    found: dict[str, dict[str, float]] = {"minValues": {}, "maxValues": {}, "nullCount": {}}
    for place in range(metadata.num_columns):
        name, kind = metadata.schema.column(place).path, metadata.schema.column(place).physical_type
        told: list[Any] = [group.column(place).statistics for group in groups]
        if kind in _NUMBERS and "." not in name and all(s and s.has_min_max for s in told):
            found["minValues"][name] = min(s.min for s in told)
            found["maxValues"][name] = max(s.max for s in told)
            found["nullCount"][name] = sum(s.null_count for s in told)
    return {"numRecords": metadata.num_rows, **found}
