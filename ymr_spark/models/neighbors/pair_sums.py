"""Sums over the users that songs have in common, compiled."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.sparse import csr_matrix

from ymr_spark.models.arrays import Floats

_Rows = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]  # starts, columns, values


def of(stars: csr_matrix, others: csr_matrix) -> tuple[Floats, Floats]:
    """Sums of products over common users, and the numbers of these; each (songs, others) float32.

    It is `stars @ others` and the same product with 1 for each value, in one pass over the pairs,
    whose sums of a song stay in the cache.

    Args:
        stars: (songs, users) float32.
        others: (users, others) float32.
    """
    sums, users = np.zeros((2, stars.shape[0], others.shape[1]), np.float32)
    _compiled(_rows(stars), _rows(others), sums, users)
    return sums, users


def _add(songs: _Rows, by_user: _Rows, sums: Floats, users: Floats) -> None:
    starts, raters, stars = songs
    firsts, others, values = by_user
    for song in range(len(starts) - 1):
        products, counts = sums[song], users[song]
        for rating in range(starts[song], starts[song + 1]):
            left, user = stars[rating], raters[rating]
            rated = slice(firsts[user], firsts[user + 1])
            for other, value in zip(others[rated], values[rated]):  # noqa: B905 - for numba
                products[other] += left * value
                counts[other] += np.float32(1)


# By each process anew, which takes half a second: there may be no folder to keep it in.
_compiled = njit(_add)


def _rows(matrix: csr_matrix) -> _Rows:
    # Unsigned, or each index would be looked at whether it counts from the end.
    return matrix.indptr, matrix.indices.view(f"u{matrix.indices.itemsize}"), matrix.data
