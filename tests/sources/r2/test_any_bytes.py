"""Lines in = rows kept + lines quarantined, whatever the bytes, wherever the files are cut."""

import re
from codecs import BOM_UTF8
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_files import write

from ymr_spark.errors import DataContractError
from ymr_spark.scale import Scale
from ymr_spark.sources.r2 import files
from ymr_spark.sources.r2.blocks import paired_blocks
from ymr_spark.sources.r2.examination import examine
from ymr_spark.sources.r2.parsing import Lines, fault, parse
from ymr_spark.sources.r2.ranges import plan
from ymr_spark.sources.stretches import line_feeds

HALVES = Scale(0.5, 5, 0.5)

numbers = st.integers(0, 12).map(b"%d".__mod__)
stars = st.sampled_from([b"1", b"5", b"0.5", b"3.5", b"4.0"])
good = st.tuples(numbers, numbers, stars).map(b"\t".join)
odd = st.lists(st.sampled_from([*b"019-\t. x\xff\0\xef\xbb\xbf"]), max_size=12).map(bytes)
lines = st.one_of(good, good, good, odd)
ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r", b"\r\r\n", b"\n\r"])
marks = st.sampled_from([b"", b"", BOM_UTF8])
texts = st.lists(st.tuples(lines, ends).map(b"".join), max_size=40).map(b"".join)
anything = st.one_of(
    st.tuples(marks, texts, st.one_of(st.just(b""), lines)).map(b"".join), st.binary(max_size=200)
)


def split(text: bytes) -> list[bytes]:
    """The lines without their ends, by the rules of docs/ingest.md."""
    found = re.split(rb"\r\n|\r|\n", text.removeprefix(BOM_UTF8))
    return found if found[-1] else found[:-1]


def row(line: bytes) -> tuple[float, ...] | None:
    return None if fault(line, fields=3, scale=HALVES) else tuple(map(float, line.split(b"\t")))


@given(anything)
def test_each_line_is_a_row_or_a_fault(text: bytes) -> None:
    text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + b"\n"
    parsed = parse(Lines.of_block(text, file=0, offset=0), HALVES)
    rows = parsed.rows
    assert sorted([*rows.line.tolist(), *(at for at, _ in parsed.faults)]) == [
        *range(len(parsed.lines))
    ]
    found = zip(rows.user.tolist(), rows.song.tolist(), rows.rating.tolist(), strict=True)
    assert [*found] == [r for r in map(row, text.removesuffix(b"\n").split(b"\n")) if r]


@given(anything, st.lists(st.integers(0, 400), max_size=8))
def test_line_ends_wherever_a_text_is_cut(text: bytes, cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(at)]
    assert b"".join(line_feeds(pieces)) == re.sub(rb"\r(?!\n)", b"\n", text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("raw")


def emptied(folder: Path) -> Path:
    for path in folder.iterdir():
        path.unlink()
    return folder


@settings(max_examples=100)
@given(
    train=anything,
    test=anything,
    target=st.integers(1, 300),
    block=st.integers(1, 300),
    suffix=st.sampled_from(["", "", ".gz"]),
)
def test_nothing_is_lost_wherever_files_are_cut(
    folder: Path, train: bytes, test: bytes, target: int, block: int, suffix: str
) -> None:
    texts = train, test
    write(emptied(folder), *texts, suffix=suffix)
    try:
        ranges = plan(files.find(folder).parts, target)
    except DataContractError as e:
        assert re.search("is empty|is UTF-(16|32)", str(e))  # noqa: PT017
        return
    blocks = [pair for range_ in ranges for pair in paired_blocks(range_, HALVES, block)]
    for side, text in enumerate(texts):
        parts = [pair[side].lines for pair in blocks]
        found = [part.line(i).removesuffix(b"\r") for part in parts for i in range(len(part))]
        assert found == split(text)
        for part in parts:
            for i, offset in enumerate(part.offset.tolist()):
                assert text[offset:].startswith(part.line(i))
    for pair in blocks:
        kept = examine(*pair, np.ones(10, bool))
        rows = len(kept.train) + len(kept.test)
        assert rows + len(kept.faults) == sum(len(parsed.lines) for parsed in pair)


@given(
    train=st.lists(good, min_size=1, max_size=60),
    test=st.lists(good, min_size=1, max_size=20),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    target=st.integers(1, 300),
    block=st.integers(1, 300),
)
def test_users_of_ascending_files_stay_whole(
    folder: Path, train: list[bytes], test: list[bytes], end: bytes, target: int, block: int
) -> None:
    first, second = (sorted(side, key=lambda line: int(line.split()[0])) for side in (train, test))
    write(emptied(folder), end.join(first), end.join(second))
    ranges = plan(files.find(folder).parts, target)
    blocks = (pair for range_ in ranges for pair in paired_blocks(range_, HALVES, block))
    users = [{u for side in pair for u in side.rows.user.tolist()} for pair in blocks]
    filled = [found for found in users if found]
    assert all(max(a) < min(b) for a, b in pairwise(filled))
