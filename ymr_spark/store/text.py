"""The bytes of a file of text, looked up here and there rather than read through."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Protocol

from ymr_spark.store.locations import Location, stamp

_BLOCK_BYTES = 64 * 2**10
_BLOCKS_HELD = 16


class Text(Protocol):
    """What `mmap` and `bytes` have in common."""

    def __len__(self) -> int:
        """Bytes."""

    def __getitem__(self, place: slice) -> bytes:
        """Those from a start to an end."""

    def find(self, wanted: bytes, start: int) -> int:
        """Where these bytes are first from there on; -1 where they are not."""


@contextmanager
def opened(file: Location) -> Iterator[Text]:
    """The bytes of the file: mapped, or in a store read in blocks as they are asked for."""
    if isinstance(file, Path):
        with file.open("rb") as source, _mapped(source) as text:
            yield text
    else:
        with file.open() as stored:
            yield Blocks(stored, stamp(file)[0])


def _mapped(source: IO[bytes]) -> mmap.mmap:
    return mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)


class Blocks:
    """`Text` of a file that can be read from any place."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        """
        Args:
            size: of the file.
        """
        self._source, self._size = source, size
        self._block = lru_cache(_BLOCKS_HELD)(self._read)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: slice) -> bytes:
        start, end, _ = place.indices(self._size)
        blocks = range(start // _BLOCK_BYTES, -(-end // _BLOCK_BYTES))
        text = b"".join(map(self._block, blocks))
        first = start % _BLOCK_BYTES
        return text[first : first + end - start]

    def find(self, wanted: bytes, start: int) -> int:
        """Where one byte is first from there on; -1 where it is not."""
        assert len(wanted) == 1
        while start < self._size:
            end = (start // _BLOCK_BYTES + 1) * _BLOCK_BYTES
            place = self[start:end].find(wanted)
            if place >= 0:
                return start + place
            start = end
        return -1

    def _read(self, block: int) -> bytes:
        self._source.seek(block * _BLOCK_BYTES)
        return self._source.read(_BLOCK_BYTES)
