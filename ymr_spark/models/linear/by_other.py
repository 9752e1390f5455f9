"""The ratings of a block as matrices that multiply tables which fit no cache."""

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.packing import Block


def matrix(block: Block, values: Floats, positions: Ints, others: int) -> csc_matrix:
    """(owners, others): a value for each of the block's ratings, laid out by other.

    A product with a table of the others reads each of its rows once, one after the other, and
    adds it to sums of the block's owners, which are few enough to stay in the cache. Laid out by
    owner, every rating would fetch a row from memory.

    Args:
        values: (ratings,), in the block's order.
        positions: (ratings,), where the table has each rating's other.
    """
    bounds = np.r_[block.starts, len(positions)].astype(np.int32)
    by_owner = csr_matrix(
        (values, positions.astype(np.int32), bounds), shape=(len(block.owners), others)
    )
    return by_owner.tocsc()


def ones(matrix: csc_matrix) -> csc_matrix:
    """The same with 1 for each value."""
    data = np.ones_like(matrix.data)
    return csc_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)
