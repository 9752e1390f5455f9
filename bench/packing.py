"""Ratings by user as typed columns against the same as binary values: what a pass costs.

    python -m bench.packing [--ratings 12000000] [--passes 5]

plants rows of R2's proportions, packs them by user, and persists the same blocks in three layouts:
`packing`'s (a row an owner), a row a block of four typed arrays, and a row a block of four binary
values. One JSON line for the packing and one a layout, with the median seconds of a pass that only
reads and of one that does the work of the bias model, the processor seconds of the latter in all
processes, and its ratio to the binary layout's. Passes over the layouts take turns.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from ymr_spark import packing
from ymr_spark.models.linear import bias
from ymr_spark.packing import Block, Packed, one_row
from ymr_spark.positions import Positions
from ymr_spark.runtime import session
from ymr_spark.scale import Scale

SONGS = 136_736
RATINGS_A_USER = 380
STARS = Scale(1, 5, 1)
Read = Callable[[Iterable[pa.RecordBatch]], Iterator[Block]]
Kernel = Callable[[Iterator[Block]], Iterable[pa.RecordBatch]]


@dataclass
class Layout:
    """The same blocks, persisted in one form; and what was measured, in seconds."""

    frame: DataFrame
    read: Read
    reading: list[float] = field(default_factory=list)
    fitting: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def run(self, kernel: Kernel) -> float:
        read, started = self.read, time.monotonic()
        self.frame.mapInArrow(lambda batches: kernel(read(batches)), "sum double").toArrow()
        return time.monotonic() - started


def planted(spark: SparkSession, count: int, folder: str) -> DataFrame:
    """(user_id, song_id, rating) rows; some songs have many times as many as others."""
    chance = "pmod(xxhash64(id, 1), 1073741824) / 1073741824"
    rows = spark.range(count).selectExpr(
        f"int(id % {count // RATINGS_A_USER}) user_id",
        f"int(pow({chance}, 3) * {SONGS}) song_id",
        "cast(1 + pmod(xxhash64(id, 2), 5) AS tinyint) rating",
    )
    rows.write.parquet(folder)
    return spark.read.parquet(folder)


def arrays(block: Block) -> dict[str, npt.NDArray[Any]]:
    """As they are packed; stars take the place of levels, both are one byte."""
    found = {name: getattr(block, name) for name in ("owners", "counts", "others")}
    return found | {"levels": block.ratings.astype(np.int8)}


def typed(blocks: Iterator[Block]) -> Iterator[pa.RecordBatch]:
    yield from (one_row(**arrays(block)) for block in blocks)


def binary(blocks: Iterator[Block]) -> Iterator[pa.RecordBatch]:
    for block in blocks:
        values = {name: [value.tobytes()] for name, value in arrays(block).items()}
        yield pa.RecordBatch.from_pydict(values)


def read_typed(batches: Iterable[pa.RecordBatch]) -> Iterator[Block]:
    for batch in batches:
        for row in range(batch.num_rows):
            arrays = [column[row].values.to_numpy() for column in batch.columns]
            owners, counts, others, levels = arrays
            yield Block(owners, counts, others, levels.astype(np.float64))


def read_binary(batches: Iterable[pa.RecordBatch]) -> Iterator[Block]:
    for batch in batches:
        for row in range(batch.num_rows):
            *ids, levels = (column[row].as_buffer() for column in batch.columns)
            owners, counts, others = (np.frombuffer(values, np.int32) for values in ids)
            stars = np.frombuffer(levels, np.int8).astype(np.float64)
            yield Block(owners, counts, others, stars)


def read_packed(batches: Iterable[pa.RecordBatch]) -> Iterator[Block]:
    return packing.unpack(batches, STARS)


def persisted(packed: Packed, write: Kernel, kind: str) -> DataFrame:
    levels = "binary" if kind == "binary" else "array<tinyint>"
    columns = f"owners {kind}, counts {kind}, others {kind}, levels {levels}"
    frame = packed.map(write, columns).persist(StorageLevel.DISK_ONLY)
    frame.count()
    return frame


def count(blocks: Iterator[Block]) -> Iterator[pa.RecordBatch]:
    yield one_row(sum=float(sum(len(block.ratings) for block in blocks)))


def fit(blocks: Iterator[Block]) -> Iterator[pa.RecordBatch]:
    """What `bias` does with a block, with songs whose offsets are all 0."""
    positions, offsets = Positions(np.arange(SONGS)), np.zeros(SONGS)
    sums = np.zeros(SONGS)
    for block in blocks:
        song = positions.of(block.others)
        users, rest = bias.user_solution(block, 3.0, offsets[song], 5.0)
        rest -= np.repeat(users, block.counts)
        sums += np.bincount(song, rest, SONGS)
    yield one_row(sum=float(sums.sum()))


def processor(spark: SparkSession) -> float:
    """Seconds that Spark's JVM and its Python have used so far."""
    jvm = psutil.Process(session.jvm_pid(spark))
    times = [process.cpu_times() for process in (jvm, *jvm.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def measure(spark: SparkSession, layouts: dict[str, Layout], passes: int) -> None:
    for number in range(passes + 1):
        for layout in layouts.values():
            reading = layout.run(count)
            before = processor(spark)
            fitting = layout.run(fit)
            if number:  # the first is slower
                layout.reading.append(reading)
                layout.fitting.append(fitting)
                layout.processor.append(processor(spark) - before)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--ratings", type=int, default=12_000_000)
    arguments.add_argument("--passes", type=int, default=5)
    options = arguments.parse_args()
    spark = session.build("bench packing", Path("conf/sample-spark.conf"))
    with tempfile.TemporaryDirectory() as folder:
        rows = planted(spark, options.ratings, f"{folder}/rows")
        started = time.monotonic()
        packed = packing.by_user(rows)
        packed.frame.count()
        print(json.dumps({"packing_seconds": round(time.monotonic() - started, 1)}), flush=True)
        layouts = {
            "binary, a row a block": Layout(persisted(packed, binary, "binary"), read_binary),
            "typed, a row an owner": Layout(packed.frame, read_packed),
            "typed, a row a block": Layout(persisted(packed, typed, "array<int>"), read_typed),
        }
        measure(spark, layouts, options.passes)
    (base, *_) = (statistics.median(layout.processor) for layout in layouts.values())
    for name, layout in layouts.items():
        medians = [statistics.median(s) for s in (layout.reading, layout.fitting, layout.processor)]
        line = dict(zip(("reading", "fitting", "processor"), medians, strict=True))
        line = {what: round(seconds, 2) for what, seconds in line.items()}
        print(json.dumps({"layout": name, **line, "ratio": round(medians[2] / base, 2)}))
    spark.stop()


if __name__ == "__main__":
    main()
