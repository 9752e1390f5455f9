"""Rows of each user brought together: few large values for Spark to move, one audit row a block."""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark.levels import MOST_LEVELS
from ymr_spark.sources.table.found import Found, Quarantined, Read
from ymr_spark.sources.table.judging import Rules, judged

FAULT: pa.DataType = pa.struct(
    [("file", pa.string()), ("offset", pa.int64()), ("raw", pa.string()), ("reason", pa.string())]
)
_DEALT_COLUMNS: dict[str, pa.DataType] = {
    "bucket": pa.int32(),  # of users; below 0 what is told of a block
    "rows": pa.binary(),  # of ROWS, as a stream of Arrow's
    "lines": pa.int64(),
    "kept": pa.int64(),
    "reasons": pa.string(),  # JSON: how many faults of each
    "ratings": pa.list_(pa.float64()),  # different ones, not all of too many
    "faults": pa.list_(FAULT),
}
_DEALT = pa.schema(_DEALT_COLUMNS)
DEALT = """bucket INT, rows BINARY, lines LONG, kept LONG, reasons STRING, ratings ARRAY<DOUBLE>,
    faults ARRAY<STRUCT<file STRING, offset LONG, raw STRING, reason STRING>>"""
_ROWS_AT_ONCE = 2**20
_AUDITS = 64  # buckets of them: where all rows are wrong, they are as many


def deal(
    read: Read, rules: Rules, buckets: int, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """What was read, as rows of `DEALT`: judged, by users' buckets."""
    gathered: list[pa.Table] = []
    for block, found in enumerate(read(batches)):
        rows, wrong = judged(found, rules)
        yield _audit(-1 - block % _AUDITS, found, rows, wrong)
        gathered.append(rows)
        if sum(map(len, gathered)) >= _ROWS_AT_ONCE:
            yield _dealt(pa.concat_tables(gathered), buckets)
            gathered = []
    if any(map(len, gathered)):
        yield _dealt(pa.concat_tables(gathered), buckets)


def sent(rows: pa.RecordBatch) -> bytes:
    """As a stream of Arrow's, compressed: moving bytes through Spark costs more."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, rows.schema, options=options) as stream:
        stream.write_batch(rows)
    return sink.getvalue().to_pybytes()


def rows_of(pieces: "pa.ChunkedArray[Any]") -> pa.Table:
    """The rows of a bucket again, users as a dictionary."""
    streams = (pa.ipc.open_stream(piece.as_buffer()) for piece in pieces)
    return pa.concat_tables([stream.read_all() for stream in streams])


def faults_as_rows(faults: list[Quarantined]) -> list[dict[str, object]]:
    """For a column of `FAULT`s."""
    return [dict(zip(("file", "offset", "raw", "reason"), fault, strict=True)) for fault in faults]


def reasons(faults: list[Quarantined]) -> str:
    """How many there are of each reason, as JSON."""
    return json.dumps(Counter(reason for *_, reason in faults))


def _audit(bucket: int, found: Found, rows: pa.Table, wrong: list[Quarantined]) -> pa.RecordBatch:
    told = {
        "bucket": bucket,
        "lines": found.lines,
        "kept": len(rows),
        "reasons": reasons(wrong),
        # One more than a scale can have tells that there is none.
        "ratings": pc.unique(rows["rating"])[: MOST_LEVELS + 1].to_pylist(),
        "faults": faults_as_rows(wrong),
    }
    return pa.RecordBatch.from_pylist([told], schema=_DEALT)


def _dealt(rows: pa.Table, buckets: int) -> pa.RecordBatch:
    users: Any = pc.dictionary_encode(rows["user"].combine_chunks())
    # The same for a user whatever stands beside.
    of_users = [zlib.crc32(name.encode()) % buckets for name in users.dictionary.to_pylist()]
    bucket = np.array(of_users, np.int32)[users.indices.to_numpy()]
    order = np.argsort(bucket, kind="stable")
    # Most users have several rows: their names are sent once.
    named = rows.set_column(0, "user", users).take(order).combine_chunks()
    (ordered,) = pa.table(named).to_batches()
    sizes = np.bincount(bucket, minlength=buckets)
    starts = np.cumsum(sizes) - sizes
    dealt = [
        {"bucket": b, "rows": _piece(ordered.slice(starts[b], sizes[b]))}
        for b in np.flatnonzero(sizes).tolist()
    ]
    return pa.RecordBatch.from_pylist(dealt, schema=_DEALT)


def _piece(rows: pa.RecordBatch) -> bytes:
    """With the names of its own users alone."""
    users: Any = rows.column(0)
    there, codes = np.unique(users.indices.to_numpy(), return_inverse=True)
    own = pa.DictionaryArray.from_arrays(codes.astype(np.int32), users.dictionary.take(there))
    return sent(pa.RecordBatch.from_arrays([own, *rows.columns[1:]], rows.schema.names))
