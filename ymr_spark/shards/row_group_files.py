"""Row groups as files of plain Parquet, written by Spark's tasks and read back there."""

from collections.abc import Iterable, Iterator
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ymr_spark.grouping import Array, ascending
from ymr_spark.packed_identity import halves, xxhash64
from ymr_spark.packing import Packed
from ymr_spark.scale import Scale
from ymr_spark.shards import export
from ymr_spark.shards.export import Order
from ymr_spark.shards.indices import Index
from ymr_spark.store import atomically, locations
from ymr_spark.store.locations import Location

_SUMS: dict[str, pa.DataType] = {
    **{"row_group": pa.int32(), "rows": pa.int64()},
    **{"hash_high": pa.int64(), "hash_low": pa.int64()},
    **{"stars": pa.float64()},
}
_WRITTEN = pa.schema(_SUMS)
_COLUMNS = "row_group int, rows long, hash_high long, hash_low long, stars double"


def name(row_group: int) -> str:
    """Of its file."""
    return f"row-group-{row_group:05d}.parquet"


def write(rated: Packed, order: Order, index: Index, folder: Location) -> pa.Table:
    """Write the rows of a split in their order, a file a row group.

    Args:
        rated: `packing.by_user`.
        folder: that the tasks can write to, too.

    Returns:
        (row_group, rows, hash_high, hash_low, stars) of each, ascending, as read back: what
        `Identity.of_halves` takes, and the sum of their stars.
    """
    shared, scale = rated.broadcast(index), rated.scale

    def work(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for group, users, songs, levels in _whole(batches):
            place = ascending(levels, songs, users, order.keys(users, songs))
            stars = scale.stars(levels[place])
            rows = pa.table(shared.value.columns(users[place], songs[place], stars))
            file = folder / name(group)
            _write(rows, file)
            yield pa.RecordBatch.from_pylist([_read_back(file, group, scale)], _WRITTEN)

    written = export.grouped(rated, order).mapInArrow(work, _COLUMNS).toArrow()
    shared.destroy()
    return written.sort_by("row_group")


def _whole(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Array, Array, Array]]:
    """Each row group, with the users, songs and levels of all its pieces."""
    pieces = (row for batch in batches for row in _pieces(batch))
    for group, of_group in groupby(pieces, key=lambda piece: piece[0]):
        columns = zip(*(columns for _, columns in of_group), strict=True)
        users, songs, levels = map(np.concatenate, columns)
        yield group, users, songs, levels


def _pieces(batch: pa.RecordBatch) -> Iterator[tuple[int, list[Array]]]:
    groups, *columns = batch.columns
    for row, group in enumerate(groups.to_numpy().tolist()):
        yield group, [column[row].values.to_numpy() for column in columns]


def _write(rows: pa.Table, file: Location) -> None:
    """Whole or not at all, whatever becomes of the task and of another that does the same."""
    with atomically.writing(file) as partial:
        pq.write_table(rows, partial, row_group_size=len(rows))


def _read_back(file: Location, group: int, scale: Scale) -> dict[str, float]:
    system, (path,) = locations.for_arrow([str(file)])
    table = pq.read_table(path, columns=["user_id", "song_id", "rating"], filesystem=system)
    users, songs, ratings = (column.to_numpy() for column in table.columns)
    levels = scale.level_of(ratings)
    high, low = halves(xxhash64(users, songs, levels))
    total = float(scale.stars(levels).sum())
    return dict(zip(_WRITTEN.names, (group, len(table), high, low, total), strict=True))
