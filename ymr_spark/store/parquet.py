"""Files of Parquet in Spark's tasks, which need numpy and pyarrow for it and nothing else."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from ymr_spark.store import locations

if TYPE_CHECKING:
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

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


def reader(groups: Sequence[Sequence[str]], columns: Sequence[str], root: str | None) -> Kernel:
    """What makes batches of the files of those groups whose numbers it is given.

    Args:
        root: the folder below which names of folders are partitions.
    """

    def read(numbers: Batches) -> Iterator[pa.RecordBatch]:
        for batch in numbers:
            for number in batch.column(0).to_numpy().tolist():
                rows = dataset(groups[number], root)
                yield from rows.to_batches(columns=[*columns], batch_size=_ROWS_AT_ONCE)

    return read


def dataset(files: Sequence[str], root: str | None = None) -> "ds.Dataset":
    """The rows of files.

    Args:
        root: the folder below which names of folders are partitions.
    """
    import pyarrow.dataset as ds

    system, (*paths, base) = locations.for_arrow([*files, files[0] if root is None else root])
    place = None if root is None else base
    return ds.dataset(paths, filesystem=system, partitioning="hive", partition_base_dir=place)


def writer(root: str, columns: pa.Schema, partitions: Sequence[str], kernel: Kernel) -> Kernel:
    """What writes that which the kernel makes of batches into a folder, in folders of partitions:
    WRITTEN rows, of paths below it.

    Rows stay in their order and, but for partitions, in one file.
    """
    kinds = pa.schema([columns.field(name) for name in partitions])

    def write(batches: Batches) -> Iterator[pa.RecordBatch]:
        import pyarrow.dataset as ds

        found: list[Any] = []
        system, (folder,) = locations.for_arrow([root])
        whole = (
            pa.Table.from_batches([b]).select(columns.names).cast(columns) for b in kernel(batches)
        )
        ds.write_dataset(
            (batch for table in whole for batch in table.to_batches()),
            folder,
            filesystem=system,
            create_dir=system is None,  # a store makes them by itself
            # Of no other task, and of no other attempt at this one.
            basename_template=f"part-{uuid4().hex}-{{i}}.parquet",
            format="parquet",
            schema=columns,
            partitioning=ds.partitioning(kinds, flavor="hive"),
            existing_data_behavior="overwrite_or_ignore",
            # Who reads them works on a row group at a time.
            min_rows_per_group=_ROWS_AT_ONCE,
            max_rows_per_group=_ROWS_AT_ONCE,
            use_threads=False,
            file_visitor=found.append,
        )
        for file in (file for file in found if file.metadata.num_rows):
            row = {
                "path": str(PurePosixPath(file.path).relative_to(folder)),
                "bytes": file.size,
                "modified": int(time.time() * 1000),
                "statistics": json.dumps(_statistics(file.metadata)),
            }
            yield pa.RecordBatch.from_pylist([row], _WRITTEN)

    return write


def _statistics(metadata: "pq.FileMetaData") -> dict[str, Any]:
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
