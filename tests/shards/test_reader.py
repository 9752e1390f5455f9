import ctypes
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shard_files

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.models.arrays import Ints
from ymr_spark.shards import reader
from ymr_spark.shards.inventory import Inventory

ROWS = np.c_[np.arange(1, 1001), np.arange(1001, 2001), np.arange(1000) % 5 + 1]
COLUMNS = tuple(shard_files.COLUMNS)
Shards = tuple[Path, Inventory]


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    folder = tmp_path / "sha rds, é 100 %"
    return folder, shard_files.write(folder, {"train": ROWS}, row_groups=8)


def read(shards: Shards, **options: Any) -> list[Ints]:
    batches = reader.dataset(*shards, "train", COLUMNS, batch_size=64, **options)
    return [np.stack([batch[name].numpy() for name in COLUMNS], axis=1) for batch in batches]


def test_batches_cut_across_row_groups(shards: Shards) -> None:
    batches = read(shards)
    assert [len(batch) for batch in batches] == [64] * 15 + [40]
    np.testing.assert_array_equal(np.concatenate(batches), ROWS)


def test_no_pass_loses_a_row_group(shards: Shards) -> None:
    # With an end of its own Petastorm's thread pool loses some in about a quarter of the passes.
    for seed in range(1, 31):
        rows = np.concatenate(read(shards, seed=seed))
        np.testing.assert_array_equal(rows[rows[:, 0].argsort()], ROWS)


def test_the_seed_sets_the_order(shards: Shards) -> None:
    first, again, other = (np.concatenate(read(shards, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first[:, 0] != other[:, 0]).mean() > 0.9
    # Both the row groups and the rows within them are shuffled.
    assert len(np.unique((first[:125, 0] - 1) // 125)) == 1
    assert (np.diff(first[:125, 0]) != 1).any()


@pytest.mark.parametrize("seed", [None, 3])
def test_workers_share_the_rows_evenly(shards: Shards, seed: int | None) -> None:
    parts = [np.concatenate(read(shards, seed=seed, shard=(worker, 4))) for worker in range(4)]
    assert [len(part) for part in parts] == [250] * 4
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)[:, 0]), ROWS[:, 0])


def test_a_stall_is_an_error() -> None:
    def stalling() -> Iterator[int]:
        yield 1
        time.sleep(5)

    rows = reader.watched(stalling(), 0.1)
    assert next(rows) == 1
    with pytest.raises(EnvironmentProblem, match="no row group arrived"):
        next(rows)


def test_an_error_of_the_source_is_passed_on() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(reader.watched(failing(), 1))


def test_the_end_of_a_pass_waits_for_no_autotuning(shards: Shards) -> None:
    batches = reader.dataset(*shards, "train", COLUMNS, batch_size=64)
    assert batches.options().autotune.enabled is False


class _Malloc(ctypes.Structure):
    """`struct mallinfo2` of malloc.h."""

    _fields_ = [
        ("before", ctypes.c_size_t * 3),
        ("hblks", ctypes.c_size_t),  # what was mapped, each by itself
        ("after", ctypes.c_size_t * 6),
    ]


def test_large_tensors_are_not_given_back_at_each_step(shards: Shards) -> None:
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype, libc.malloc.restype = _Malloc, ctypes.c_void_p
    libc.mallopt(-3, 128 * 1024)  # M_MMAP_THRESHOLD, as tf.data's generators set it
    read(shards)
    mapped = libc.mallinfo2().hblks
    kept = [libc.malloc(16 * 2**20) for _ in range(4)]
    assert libc.mallinfo2().hblks == mapped
    for address in kept:
        libc.free(ctypes.c_void_p(address))
