"""What a bucket of whole users becomes: its rows without duplicates; then its ratings."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark.errors import DataContractError
from ymr_spark.sources.reasons import Reason
from ymr_spark.sources.table.dealing import FAULT, faults_as_rows, reasons, rows_of, sent
from ymr_spark.sources.table.found import Quarantined
from ymr_spark.sources.table.splitting import SplitRule
from ymr_spark.split import SPLITS

_RESOLVED_COLUMNS: dict[str, pa.DataType] = {
    "bucket": pa.int32(),
    "rows": pa.binary(),  # places of users and items, rating, time, test; as a stream of Arrow's
    "lines": pa.int64(),
    "kept": pa.int64(),
    "reasons": pa.string(),
    "ratings": pa.list_(pa.float64()),
    "splits": pa.list_(pa.int64()),  # rows of each of SPLITS
    "users": pa.list_(pa.string()),
    "items": pa.list_(pa.string()),
    "faults": pa.list_(FAULT),
}
_RESOLVED = pa.schema(_RESOLVED_COLUMNS)
# What dealing tells of a block stays as it is; a bucket is one row.
RESOLVED = """bucket INT, rows BINARY, lines LONG, kept LONG, reasons STRING,
    ratings ARRAY<DOUBLE>, splits ARRAY<LONG>, users ARRAY<STRING>, items ARRAY<STRING>,
    faults ARRAY<STRUCT<file STRING, offset LONG, raw STRING, reason STRING>>"""
_RATING_COLUMNS: dict[str, pa.DataType] = {
    "user_id": pa.int32(),
    "song_id": pa.int32(),
    "rating": pa.float32(),
    "split": pa.string(),
    "part": pa.int32(),
}
_RATINGS = pa.schema(_RATING_COLUMNS)
Ints = npt.NDArray[np.int64]
Key = tuple["pa.Scalar[Any]", ...]
Ids = Callable[[], tuple["pa.Array[Any]", "pa.Array[Any]"]]


def resolve(rule: SplitRule, name: str) -> Callable[[Key, pa.Table], pa.Table]:
    """What a bucket's rows of dealing.DEALT become: one of `RESOLVED`.

    Of rows of one user and item that of test stays, then the latest, then the best rated: a table
    has no first row.

    Args:
        name: of the table, for what is quarantined.
    """

    def work(key: Key, table: pa.Table) -> pa.Table:
        bucket = key[0].as_py()
        if bucket < 0:
            return _told(table)
        rows = rows_of(table["rows"])
        user, users = _coded(rows["user"])
        item, items = _coded(rows["item"])
        columns: dict[str, Any] = {name: rows[name] for name in ("rating", "time", "test")}
        rating = columns["rating"].to_numpy()
        time = pc.fill_null(columns["time"], 0).to_numpy()
        test = pc.fill_null(columns["test"], False).to_numpy() & (rule.by == "files")
        kept, others, winners = _distinct(user << 32 | item, [-rating, -time, ~test])
        faults = _faults(rows, others, test[winners] != test[others], name)
        told = {
            "bucket": [bucket],
            "rows": [sent(_batch([v[kept] for v in (user, item, rating, time, test)]))],
            "reasons": [reasons(faults)],
            "faults": [faults_as_rows(faults)],
            "splits": [rule.counts(user[kept], time[kept], test[kept])],
            "users": pa.ListArray.from_arrays([0, len(users)], users),
            "items": pa.ListArray.from_arrays([0, len(items)], items),
        }
        return _told(told)

    return work


def ratings(
    rule: SplitRule, ids: Ids, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """The rows of `RESOLVED` buckets as schemas.RATINGS, users and songs ascending in each split.

    Args:
        ids: all users' and all items' own ids, in the order of their numbers.
    """
    for batch in batches:
        for row in range(batch.num_rows):
            yield from _ratings(rule, ids(), batch.slice(row, 1)).to_batches()


def _told(columns: Mapping[str, Any] | pa.Table) -> pa.Table:
    """As `RESOLVED`; what is not there is null."""
    there = columns.column_names if isinstance(columns, pa.Table) else [*columns]
    length = len(columns[there[0]])
    found = []
    for field in _RESOLVED:
        values: Any = columns[field.name] if field.name in there else pa.nulls(length, field.type)
        made = values if hasattr(values, "cast") else pa.array(values, field.type)
        found.append(made.cast(field.type))
    return pa.table(found, schema=_RESOLVED)


def _ratings(
    rule: SplitRule, ids: tuple["pa.Array[Any]", "pa.Array[Any]"], bucket: pa.RecordBatch
) -> pa.Table:
    row: dict[str, Any] = {name: bucket.column(name)[0] for name in bucket.schema.names}
    with pa.ipc.open_stream(row["rows"].as_buffer()) as stream:
        user, song, rating, time, test = (c.to_numpy() for c in stream.read_all().columns)
    user, song = (
        pc.index_in(row[name].values, of_all).to_numpy().astype(np.int64)[places]
        for name, of_all, places in zip(("users", "items"), ids, (user, song), strict=True)
    )
    order = np.argsort(user << 32 | song)
    split = rule.splits(user[order], song[order], time[order], test[order])
    counts, audited = np.bincount(split, minlength=len(SPLITS)).tolist(), row["splits"].as_py()
    if counts != audited:
        raise DataContractError(
            f"bucket {row['bucket']}: {counts} rows of {', '.join(SPLITS)}, {audited} were "
            "audited; no table was touched, run again"
        )
    by_split = np.argsort(split, kind="stable")
    order = order[by_split]
    columns = [
        user[order].astype(np.int32),
        song[order].astype(np.int32),
        rating[order].astype(np.float32),
        pa.array(SPLITS).take(pa.array(split[by_split])),
        np.zeros(len(order), np.int32),
    ]
    return pa.table([pa.array(column) for column in columns], schema=_RATINGS)


def _distinct(key: Ints, preference: list[Any]) -> tuple[Ints, Ints, Ints]:
    """Places by ascending key, the preferred one of each; those of the others, and of what is
    kept in their place.

    Args:
        preference: least first, as `numpy.lexsort` has it.
    """
    order = np.argsort(key, kind="stable")
    first = np.append(True, np.diff(key[order]) != 0)[: len(order)]
    if not first.all():
        order = np.lexsort((*preference, key))
    kept, others = order[first], order[~first]
    return kept, others, kept[np.cumsum(first)[~first] - 1]


def _faults(rows: pa.Table, places: Ints, in_both: Any, name: str) -> list[Quarantined]:
    """Of the rows at these places, some of which have their pair in the other split."""
    reasons_of = [Reason.TRAIN_AND_TEST if both else Reason.DUPLICATE for both in in_both]
    texts = [
        json.dumps({k: v for k, v in row.items() if v is not None})
        for row in rows.take(places).to_pylist()
    ]
    return [(name, None, raw, str(why)) for raw, why in zip(texts, reasons_of, strict=True)]


def _batch(columns: list[Any]) -> pa.RecordBatch:
    names = ["user", "item", "rating", "time", "test"]
    kinds = [pa.int32(), pa.int32(), pa.float64(), pa.int64(), pa.bool_()]
    arrays = [pa.array(values).cast(kind) for values, kind in zip(columns, kinds, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names)


def _coded(column: "pa.ChunkedArray[Any]") -> tuple[Ints, "pa.Array[Any]"]:
    """A number for each text of the column, and the texts."""
    chunks: list[Any] = column.chunks
    if not pa.types.is_dictionary(column.type):
        coded: Any = pc.dictionary_encode(pa.concat_arrays(chunks))
        return coded.indices.to_numpy().astype(np.int64), coded.dictionary
    texts = pa.concat_arrays([chunk.dictionary for chunk in chunks])
    ends = np.cumsum([len(chunk.dictionary) for chunk in chunks])
    places = [
        chunk.indices.to_numpy() + end - len(chunk.dictionary)
        for chunk, end in zip(chunks, ends, strict=True)
    ]
    coded = pc.dictionary_encode(texts)
    return coded.indices.to_numpy().astype(np.int64)[np.concatenate(places)], coded.dictionary
