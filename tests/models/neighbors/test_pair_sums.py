import numpy as np
import pytest
from scipy.sparse import csr_matrix

from ymr_spark.models.arrays import Floats
from ymr_spark.models.neighbors import pair_sums


def residuals(rows: int, columns: int, share: float, seed: int) -> Floats:
    """NaN where nothing is rated; some are 0."""
    random = np.random.default_rng(seed)
    left = random.normal(size=(rows, columns)).round(1).astype(np.float32)
    return np.where(random.random(left.shape) < share, left, np.float32(np.nan))


def sparse(left: Floats) -> csr_matrix:
    row, column = np.nonzero(~np.isnan(left))
    return csr_matrix((left[row, column], (row, column)), shape=(len(left), left.shape[1]))


@pytest.mark.parametrize("share", [0.0, 0.05, 0.9])
def test_they_are_of_all_users_of_both(share: float) -> None:
    songs, others = residuals(30, 50, share, seed=1), residuals(50, 20, 0.4, seed=2)
    pairs = songs[:, :, None] * others[None]  # songs, users, others
    sums, users = pair_sums.of(sparse(songs), sparse(others))
    np.testing.assert_allclose(sums, np.nansum(pairs, axis=1), atol=1e-5)
    np.testing.assert_array_equal(users, np.count_nonzero(~np.isnan(pairs), axis=1))


def test_to_the_last_bit_those_of_the_sparse_product() -> None:
    songs, others = (sparse(residuals(*size, 0.5, seed=3)) for size in ((9, 400), (400, 30)))
    sums, _ = pair_sums.of(songs, others)
    assert sums.dtype == np.float32
    np.testing.assert_array_equal(sums, (songs @ others).toarray())


def test_what_is_compiled_is_the_same_in_python() -> None:
    songs, others = (sparse(residuals(*size, 0.5, seed=4)) for size in ((3, 20), (20, 7)))
    sums, users = np.zeros((2, 3, 7), np.float32)
    pair_sums._add(pair_sums._rows(songs), pair_sums._rows(others), sums, users)
    np.testing.assert_array_equal((sums, users), pair_sums.of(songs, others))
