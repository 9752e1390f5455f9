"""Where ids stand among those that exist: arrays go by position, since ids may be far apart."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_PAGE_BITS = 6
_WITHIN = (1 << _PAGE_BITS) - 1
# A table by id is the faster one, where it has not more than so many entries for each id.
_CLOSE = 16


class Positions:
    """A look-up of the positions of ascending ids, without searching.

    Where ids are far apart, the table is cut into pages of 64 ids, of which those without any are
    left out: at most 512 bytes for each id, and 1 MiB for ids up to 2^24.
    """

    def __init__(self, ids: Array) -> None:
        size = int(ids[-1]) + 1
        self._starts: Array | None = None
        if size > _CLOSE * len(ids):
            pages = np.unique(ids >> _PAGE_BITS)
            self._starts = np.zeros(int(pages[-1]) + 1, np.int32)
            self._starts[pages] = np.arange(len(pages)) << _PAGE_BITS
            size = len(pages) << _PAGE_BITS
        self._table = np.zeros(size, np.intp)
        self._table[self._places(ids)] = np.arange(len(ids))

    def of(self, ids: Array) -> Array:
        """The position of each of these ids, which must exist."""
        found: Array = self._table[self._places(ids)]
        return found

    def _places(self, ids: Array) -> Array:
        if self._starts is None:
            return ids
        places: Array = self._starts[ids >> _PAGE_BITS] + (ids & _WITHIN)
        return places
