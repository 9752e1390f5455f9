from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from raw_files import ratings, write

from ymr_spark.sources.r2 import files, ranges
from ymr_spark.sources.r2.blocks import paired_blocks
from ymr_spark.sources.r2.ranges import Range, plan
from ymr_spark.sources.r2.scale import R2
from ymr_spark.sources.stretches import Stretch


def users_of(stretch: Stretch) -> list[int]:
    text = stretch.file.path.read_bytes()[stretch.start : stretch.end]
    return [int(line.split(b"\t")[0]) for line in text.splitlines()]


def planned(folder: Path, target: int) -> list[Range]:
    return plan(files.find(folder).parts, target)


@pytest.mark.parametrize("scan", [4_096, 16])
@pytest.mark.parametrize("target", [1, 100, 1_000, 10_000, 10**9])
def test_every_line_is_in_one_range_and_no_user_in_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: int, scan: int
) -> None:
    monkeypatch.setattr(ranges, "_SCAN_BYTES", scan)
    train, test = ratings(users=40, per_user=30, seed=1)
    # users without train rows before, between and after; a user who has no test row
    test = [b"0\t499\t3\n", *test[:100], *test[110:], b"900\t3\t1\n"]
    found = planned(write(tmp_path, b"".join(train[30:]), b"".join(test)), target)
    assert [u for r in found for u in users_of(r.train)] == users_of(
        Stretch(found[0].train.file, 0, None)
    )
    assert [u for r in found for u in users_of(r.test)] == users_of(
        Stretch(found[0].test.file, 0, None)
    )
    users = [sorted({*users_of(r.train), *users_of(r.test)}) for r in found]
    assert all(a[-1] < b[0] for a, b in pairwise(users))
    assert (len(found) > 5) == (target <= 1_000)


@pytest.mark.parametrize("target", [100, 10**9])
@pytest.mark.parametrize("block", [1, 64, 10**6])
def test_ranges_read_in_blocks_give_each_line_once(tmp_path: Path, target: int, block: int) -> None:
    train, test = ratings(users=12, per_user=30, seed=2)
    # The last lines have no line feed.
    folder = write(tmp_path, b"".join(train).rstrip(b"\n"), b"".join(test).rstrip(b"\n"))
    pairs = [pair for r in planned(folder, target) for pair in paired_blocks(r, R2, block)]
    for side, lines in ((0, train), (1, test)):
        found = [p[side].lines.line(i) for p in pairs for i in range(len(p[side].lines))]
        assert [line + b"\n" for line in found] == lines


def test_unsorted_files_lose_no_line(tmp_path: Path) -> None:
    train, test = ratings(users=40, per_user=30, seed=1)
    random = np.random.default_rng(1)
    write(tmp_path, b"".join(random.permutation(train)), b"".join(random.permutation(test)))
    found = planned(tmp_path, 500)
    assert sum(len(users_of(r.train)) for r in found) == len(train)
    assert sum(len(users_of(r.test)) for r in found) == len(test)


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
@pytest.mark.parametrize("block", [1, 64, 2_000, 10**6])
def test_blocks_hold_whole_users_and_all_lines(tmp_path: Path, suffix: str, block: int) -> None:
    train, test = ratings(users=12, per_user=30, seed=2)
    (range_,) = planned(write(tmp_path, b"".join(train), b"".join(test), suffix=suffix), 10**9)
    blocks = list(paired_blocks(range_, R2, block))
    for side, lines in ((0, train), (1, test)):
        found = [pair[side].lines.line(i) for pair in blocks for i in range(len(pair[side].lines))]
        assert [line + b"\n" for line in found] == lines
    seen = [set(a.rows.user.tolist()) | set(b.rows.user.tolist()) for a, b in blocks]
    assert sum(map(len, seen)) == len(set().union(*seen)) == 12
    assert (len(blocks) == 2) == (block == 10**6)  # the last user apart


def test_offsets_are_those_of_the_decompressed_file(tmp_path: Path) -> None:
    train, test = ratings(users=12, per_user=30, seed=2)
    train.insert(100, b"broken\n")
    text = b"".join(train)
    (range_,) = planned(write(tmp_path, text, b"".join(test), suffix=".gz"), 10**9)
    for block, _ in paired_blocks(range_, R2, 1_000):
        for i, offset in enumerate(block.lines.offset.tolist()):
            line = block.lines.line(i) + b"\n"
            assert text[offset : offset + len(line)] == line
