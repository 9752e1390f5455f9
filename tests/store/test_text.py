"""Bytes looked up here and there, mapped or in blocks."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ymr_spark.store import atomically, text
from ymr_spark.store.locations import Location
from ymr_spark.store.text import Blocks, Text

LINES = b"".join(b"%d\t%d\n" % (n, n * n) for n in range(30_000))


@contextmanager
def blocks(_: Path) -> Iterator[Text]:
    yield Blocks(io.BytesIO(LINES), len(LINES))


@contextmanager
def mapped(folder: Path) -> Iterator[Text]:
    (folder / "lines").write_bytes(LINES)
    with text.opened(folder / "lines") as found:
        yield found


@pytest.mark.parametrize("opened", [blocks, mapped])
def test_it_is_as_the_bytes_are(opened: type, tmp_path: Path) -> None:
    with opened(tmp_path) as found:
        assert len(found) == len(LINES)
        for start in [*range(0, len(LINES), 7_919), 65_535, 65_536, 65_537, len(LINES)]:
            assert found[start : start + 10] == LINES[start : start + 10]
            assert found.find(b"\n", start) == LINES.find(b"\n", start)
        assert found[0 : len(LINES)] == LINES


def test_of_any_place(folder: Location) -> None:
    atomically.write(folder / "lines", LINES)
    with text.opened(folder / "lines") as found:
        assert found[100_000:100_010] == LINES[100_000:100_010]
        assert found.find(b"\n", len(LINES) - 1) == len(LINES) - 1
