"""Symmetric matrices by their upper triangles, a row each."""

import numpy as np

from ymr_spark.models.arrays import Floats, Ints


def places(size: int) -> tuple[Ints, Ints]:
    """Rows and columns of a triangle's entries, each (t,) = (size (size + 1) / 2,)."""
    rows, columns = np.triu_indices(size)
    return rows, columns


def full(triangles: Floats, size: int) -> Floats:
    """(n, t) triangles as (n, size, size) symmetric matrices."""
    rows, columns = places(size)
    place = np.empty((size, size), np.intp)
    place[rows, columns] = place[columns, rows] = np.arange(len(rows))
    return triangles[:, place]
