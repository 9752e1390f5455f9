"""Shards as tf.data, through Petastorm: whole row groups in, batches out, never row by row."""

import logging
import queue
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

import tensorflow as tf
from petastorm import make_batch_reader

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.runtime import heap
from ymr_spark.shards.inventory import Inventory

# Petastorm calls the Parquet API that pyarrow 15 removed, and logs the lack of its own metadata.
for chatty in ("petastorm", "absl", "tensorflow"):
    logging.getLogger(chatty).setLevel(logging.WARNING)
warnings.filterwarnings("ignore", category=FutureWarning, module="petastorm")
_STALLED = "no row group arrived"
_TYPES = {"int": tf.int32, "float": tf.float32}


def dataset(
    folder: Path,
    contents: Inventory,
    split: str,
    columns: Sequence[str],
    *,
    batch_size: int,
    seed: int | None = None,
    shard: tuple[int, int] | None = None,
    stall_seconds: float = 120.0,
) -> tf.data.Dataset:
    """One pass over a split: batches of `columns`, each a tensor of `batch_size` values.

    Memory holds about four row groups.

    Args:
        contents: what `verify` returned for the folder; only the files it names are read.
        seed: of the order of the row groups and of the rows within each; None keeps both.
        shard: (this worker, number of workers): every worker reads whole row groups of its own.
        stall_seconds: the longest wait for a row group.

    Raises:
        EnvironmentProblem: no row group arrived in time; TensorFlow wraps it into its own error,
            from which `stalls_explained` takes it.
    """
    sizes = dict(sorted(contents.splits[split].row_groups.items()))
    # Petastorm takes what follows the scheme for the path as it is, without decoding it.
    urls = [f"file://{(folder / name).absolute()}" for name in sizes]
    worker, workers = shard if shard is not None else (0, 1)
    mine = list(sizes.values())[worker::workers]

    def row_groups() -> Iterator[dict[str, Any]]:
        # tf.data has had malloc map whatever is larger than 128 KiB, and give it back each time.
        heap.keep_freed()
        with _reader(urls, columns, seed, shard) as reader:
            for rows in islice(reader, len(mine)):
                yield {name: getattr(rows, name) for name in columns}

    signature = {c: tf.TensorSpec((None,), _TYPES[contents.columns[c]]) for c in columns}
    batches = tf.data.Dataset.from_generator(
        lambda: watched(row_groups(), stall_seconds), output_signature=signature
    )
    # The next row group is read while the last one is trained on.
    batches = batches.prefetch(1).rebatch(batch_size).prefetch(2)
    steps = ceil(sum(mine) / batch_size)
    return untuned(batches.apply(tf.data.experimental.assert_cardinality(steps)))


def untuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """The same without autotuning, which has nothing to choose in our pipelines.

    Its thread sleeps twice as long each time, up to a minute, and the end of a pass waits for it.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)


@contextmanager
def stalls_explained() -> Iterator[None]:
    """Raises the EnvironmentProblem of a `dataset` in place of TensorFlow's error around it."""
    try:
        yield
    except tf.errors.OpError as e:
        found = re.search(rf"{_STALLED}.*", e.message)
        if found is None:
            raise
        raise EnvironmentProblem(found.group()) from e


def watched(rows: Iterator[Any], stall_seconds: float) -> Iterator[Any]:
    """The items of `rows`; an error instead of a wait longer than `stall_seconds` for one.

    A thread that waits for ever is left behind; it does not keep the process from ending.

    Raises:
        EnvironmentProblem: the wait was too long.
    """
    while True:
        arrived: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()
        threading.Thread(target=_take, args=(rows, arrived), daemon=True).start()
        try:
            item, error = arrived.get(timeout=stall_seconds)
        except queue.Empty:
            raise EnvironmentProblem(
                f"{_STALLED} within {stall_seconds:g} s; see whether the disk of the "
                "shards answers, or raise two_tower.stall_seconds"
            ) from None
        if isinstance(error, StopIteration):
            return
        if error is not None:
            raise error
        yield item


def _take(rows: Iterator[Any], arrived: queue.SimpleQueue[tuple[Any, Exception | None]]) -> None:
    try:
        arrived.put((next(rows), None))
    except Exception as e:
        arrived.put((None, e))


@contextmanager
def _reader(
    urls: list[str], columns: Sequence[str], seed: int | None, shard: tuple[int, int] | None
) -> Iterator[Any]:
    """Petastorm's reader, going round the row groups without end.

    At the end of a pass Petastorm 0.13 races with itself and can drop the last row groups; a
    reader without end cannot. It reads in the thread that asks: the order of several is not
    reproducible, and leaving a reader waits for threads of its own, even one that stalls.
    """
    worker, workers = shard if shard is not None else (None, None)
    reader = make_batch_reader(
        urls,
        schema_fields=list(columns),
        reader_pool_type="dummy",
        shuffle_row_groups=seed is not None,
        shuffle_rows=seed is not None,
        seed=seed,
        num_epochs=None,
        cur_shard=worker,
        shard_count=workers,
    )
    try:
        yield reader
    finally:
        reader.stop()
        reader.join()
