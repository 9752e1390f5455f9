"""What a unit of examined lines becomes: an audit row a block, or the kept ratings."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ymr_spark.errors import DataContractError
from ymr_spark.sources.r2.examination import Examined
from ymr_spark.sources.r2.parsing import Ints
from ymr_spark.sources.raw_file import RawFile
from ymr_spark.split import validation_rows

# Turns all that was examined of one unit of work, a range or a bucket, into rows of a table.
Summary = Callable[[int, Iterable[Examined]], Iterator[pa.RecordBatch]]

_FAULT = pa.struct(
    [("file", pa.string()), ("offset", pa.int64()), ("raw", pa.string()), ("reason", pa.string())]
)
_AUDIT = pa.schema(
    [
        ("unit", pa.int32()),
        ("lines", pa.list_(pa.int64())),  # read, by index of the file
        ("kept", pa.list_(pa.int64())),
        ("train", pa.int64()),  # rows kept, validation among them
        ("test", pa.int64()),
        ("repeated", pa.bool_()),  # a user has two train rows, so that one can be held out
        ("first_user", pa.int32()),
        ("last_user", pa.int32()),
        ("error", pa.string()),
        ("faults", pa.list_(_FAULT)),
    ]
)
AUDIT = """unit INT, lines ARRAY<LONG>, kept ARRAY<LONG>, train LONG, test LONG,
    repeated BOOLEAN, first_user INT, last_user INT, error STRING,
    faults ARRAY<STRUCT<file STRING, offset LONG, raw STRING, reason STRING>>"""
_RATING: dict[str, pa.DataType] = {
    "user_id": pa.int32(),
    "song_id": pa.int32(),
    "rating": pa.float32(),
    "split": pa.string(),
    "part": pa.int32(),
}
_RATINGS = pa.schema(_RATING)


def audit(files: tuple[RawFile, ...]) -> Summary:
    """The summary that counts lines and names the quarantined ones: rows of AUDIT, a block each.

    What makes a file unreadable becomes a row with an `error`: all are then reported at once.
    """

    def summary(unit: int, examined: Iterable[Examined]) -> Iterator[pa.RecordBatch]:
        try:
            for block in examined:
                yield _audit_batch(_audited(unit, block, files))
        except DataContractError as e:
            yield _audit_batch({"unit": unit, "error": str(e)})

    return summary


@dataclass(frozen=True)
class ValidationRule:
    """How train rows are held out for validation."""

    per_user: int
    share: float  # of a user's train rows
    seed: int


def ratings(
    files: tuple[RawFile, ...], split: ValidationRule, expected: dict[int, tuple[int, int]]
) -> Summary:
    """The summary that gives the kept rows, as schemas.RATINGS, users ascending in a unit.

    Args:
        expected: train and test rows by unit, as audited. A difference, or a file that
            changed, fails the task, and so the commit that the rows are for.
    """
    parts = np.array([file.part for file in files], np.int32)

    def summary(unit: int, examined: Iterable[Examined]) -> Iterator[pa.RecordBatch]:
        train = test = 0
        for block in examined:
            train, test = train + len(block.train), test + len(block.test)
            yield from _split_batches(block, split, parts)
        for file in files:
            file.check_unchanged()
        if (train, test) != expected[unit]:
            raise DataContractError(
                f"{files[0].path.parent}: unit {unit} has {train} train and {test} test rows, "
                f"{expected[unit]} were audited; no table was touched, run again"
            )

    return summary


def _audited(unit: int, block: Examined, files: tuple[RawFile, ...]) -> dict[str, object]:
    users = block.users()
    return {
        "unit": unit,
        "lines": _by_file(block.lines, len(files)),
        "kept": _by_file((block.train_file, block.test_file), len(files)),
        "train": len(block.train),
        "test": len(block.test),
        "repeated": bool((block.train.user[1:] == block.train.user[:-1]).any()),
        "first_user": users and users[0],
        "last_user": users and users[1],
        "faults": [
            {"file": files[f.file].name, "offset": f.offset, "raw": f.raw, "reason": f.reason}
            for f in block.faults
        ],
    }


def _by_file(indices: tuple[Ints, ...], files: int) -> list[int]:
    counts = np.bincount(np.concatenate(indices), minlength=files)
    return [int(count) for count in counts]


def _audit_batch(row: dict[str, object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([row], schema=_AUDIT)


def _split_batches(block: Examined, split: ValidationRule, parts: Ints) -> Iterator[pa.RecordBatch]:
    held_out = validation_rows(
        block.train.user, block.train.song, split.per_user, split.share, split.seed
    )
    for name, rows, file in (
        ("train", block.train[~held_out], block.train_file[~held_out]),
        ("validation", block.train[held_out], block.train_file[held_out]),
        ("test", block.test, block.test_file),
    ):
        columns = [rows.user, rows.song, rows.rating, pa.repeat(name, len(rows)), parts[file]]
        yield pa.RecordBatch.from_arrays([pa.array(c) for c in columns], schema=_RATINGS)
