"""Raw files of ratings -> an audit of all lines, and the kept rows, on Spark.

Two ways lead to the same rows. Files that ascend by user, as R2's do, are examined in
place: no row is shuffled. Any other files are first dealt into buckets of whole users.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from ymr_spark import schemas
from ymr_spark.errors import DataContractError
from ymr_spark.ratings import with_scale
from ymr_spark.scale import Scale
from ymr_spark.sources.forgotten import NOBODY, Forgotten
from ymr_spark.sources.r2 import audit, unit_rows
from ymr_spark.sources.r2.blocks import paired_blocks
from ymr_spark.sources.r2.examination import Examined, Flags, examine
from ymr_spark.sources.r2.files import RawFolder
from ymr_spark.sources.r2.parsing import Lines, Parsed, parse
from ymr_spark.sources.r2.ranges import Range, plan
from ymr_spark.sources.r2.unit_rows import AUDIT, Summary, ValidationRule
from ymr_spark.sources.raw_file import RawFile

# Gives the table that a summary makes of all units.
Apply = Callable[[Summary, str | T.StructType], DataFrame]
# `examine` by what it needs besides the lines of train and test.
Look = Callable[[Parsed, Parsed], Examined]
Kernel = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]

SMALLEST_RANGE, LARGEST_RANGE = 2**20, 32 * 2**20  # bytes
_RANGES = 8  # of what is too little for the largest
BUCKET_LINES = 2**20
_LINES = "bucket INT, file INT, offset LONG, line BINARY"


@dataclass(frozen=True)
class Audited:
    """Findings of all lines; `blocks` is the persisted table that they come from."""

    files: tuple[RawFile, ...]
    blocks: DataFrame
    findings: audit.Findings
    scale: Scale
    apply: Apply


def audited(
    spark: SparkSession,
    raw: RawFolder,
    known_songs: Flags,
    scale: Scale,
    range_bytes: int | None = None,
    forgotten: Forgotten = NOBODY,
) -> Audited:
    """Audit all lines, in place if the files allow it.

    Args:
        known_songs: by song id, whether there is such a song.
        scale: of the ratings; what is off it is quarantined.
        range_bytes: train text a task.
        forgotten: users of whom no row is taken.
    """
    ranges = plan(raw.parts, range_bytes or _range_bytes(raw))
    look = partial(examine, known_songs=known_songs, forgotten=forgotten)
    found = _audited(raw.ratings, scale, in_place(spark, ranges, look, scale))
    if found.findings.errors or found.findings.whole_users():
        return found
    found.blocks.unpersist()
    lines = found.findings.lines
    dealt = by_user(spark, ranges, look, scale, sum(lines.values()))
    found = _audited(raw.ratings, scale, dealt)
    if found.findings.lines != lines:
        raw.check_unchanged()
        raise DataContractError(f"{lines} lines were read, then {found.findings.lines}; run again")
    return found


def ratings(audited: Audited, split: ValidationRule) -> DataFrame:
    """The kept rows; each user's rows of a split lie next to each other in one partition."""
    return with_scale(ratings_to(audited, split, iter, schemas.RATINGS), audited.scale)


def ratings_to(
    audited: Audited, split: ValidationRule, kernel: Kernel, schema: str | T.StructType
) -> DataFrame:
    """What the kernel makes of the kept rows of each unit, which are as `ratings` has them."""
    summary = unit_rows.ratings(audited.files, split, audited.findings.units)
    return audited.apply(lambda *unit: iter(kernel(summary(*unit))), schema)


def _audited(files: tuple[RawFile, ...], scale: Scale, apply: Apply) -> Audited:
    blocks = apply(unit_rows.audit(files), AUDIT).persist()
    return Audited(files, blocks, audit.findings(blocks, files), scale, apply)


def _range_bytes(raw: RawFolder) -> int:
    # By the data alone: what is packed in place is cut by it, and sums of floats with that.
    size = sum(part.train.size for part in raw.parts)
    return min(LARGEST_RANGE, max(SMALLEST_RANGE, size // _RANGES + 1))


def in_place(spark: SparkSession, ranges: list[Range], look: Look, scale: Scale) -> Apply:
    """One task a range; for files where no user is in two blocks."""

    def apply(summary: Summary, schema: str | T.StructType) -> DataFrame:
        def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for number in _numbers(batches):
                blocks = paired_blocks(ranges[number], scale)
                yield from summary(number, (look(*pair) for pair in blocks))

        return spark.range(0, len(ranges), 1, len(ranges)).mapInArrow(work, schema)

    return apply


def by_user(
    spark: SparkSession, ranges: list[Range], look: Look, scale: Scale, lines: int
) -> Apply:
    """Lines dealt into buckets of whole users, one examination a bucket; for any files."""
    buckets = -(-lines // BUCKET_LINES)

    def deal(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number in _numbers(batches):
            for train, test in paired_blocks(ranges[number], scale):
                yield from (_dealt(parsed, buckets) for parsed in (train, test))

    def apply(summary: Summary, schema: str | T.StructType) -> DataFrame:
        def work(key: tuple["pa.Scalar[Any]", ...], table: pa.Table) -> pa.Table:
            train, test = _collected(table)
            examined = look(parse(train, scale), parse(test, scale))
            return pa.Table.from_batches(list(summary(key[0].as_py(), [examined])))

        dealt = spark.range(0, len(ranges), 1, len(ranges)).mapInArrow(deal, _LINES)
        return dealt.groupBy("bucket").applyInArrow(work, schema)

    return apply


def _numbers(batches: Iterable[pa.RecordBatch]) -> Iterator[int]:
    for batch in batches:
        yield from batch.column(0).to_numpy().tolist()


def _dealt(parsed: Parsed, buckets: int) -> pa.RecordBatch:
    """Each line with its user's bucket; lines without a rating go anywhere."""
    lines = parsed.lines
    bucket = (lines.offset % buckets).astype(np.int32)
    bucket[parsed.rows.line] = parsed.rows.user % buckets
    starts = (lines.starts - lines.starts[0]).astype(np.int32)
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(lines.text())]
    text = pa.Array.from_buffers(pa.binary(), len(lines), buffers)
    file = lines.file.astype(np.int32)
    return pa.RecordBatch.from_pydict(
        {"bucket": bucket, "file": file, "offset": lines.offset, "line": text}
    )


def _collected(table: pa.Table) -> tuple[Lines, Lines]:
    """A bucket's train and test lines in file order; train files have the even indices."""
    table = table.sort_by([("file", "ascending"), ("offset", "ascending")])
    test = table["file"].to_numpy() % 2 == 1
    return _lines(table.filter(pa.array(~test))), _lines(table.filter(pa.array(test)))


def _lines(table: pa.Table) -> Lines:
    text = pa.concat_arrays(table["line"].chunks or [pa.array([], pa.binary())])
    _, starts, data = text.buffers()
    return Lines(
        data.to_pybytes() if data else b"",
        np.asarray(memoryview(starts)).view(np.int32)[: len(text) + 1].astype(np.int64)
        if starts
        else np.zeros(1, np.int64),
        table["file"].to_numpy(),
        table["offset"].to_numpy(),
    )
