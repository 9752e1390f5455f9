"""The bytes that docs/sizing.md states, held against what the code keeps and sends."""

from pathlib import Path

import numpy as np
import pytest
from builders import flat_model
from scipy.sparse import csr_matrix

from ymr_spark.models.linear import variational_bayes
from ymr_spark.models.neighbors import similarity
from ymr_spark.models.neighbors.residuals import Residuals

SIZING = (Path(__file__).parent.parent / "docs" / "sizing.md").read_text()
USERS = 1_823_179
DEFAULT_RESULTS = 2**30  # spark.driver.maxResultSize


def sent(rank: int) -> tuple[float, float]:
    """Bytes a user: of a posterior, and of what the step for songs reads of it."""
    side = variational_bayes.begin(flat_model(3.0, 500, 1), rank, seed=1).users
    seen = variational_bayes._seen(side)
    collected = side.ids.nbytes + side.means.nbytes + side.covariances.nbytes
    broadcast = (seen.ids, seen.first, seen.second, seen.positions._table)
    return collected / 500, sum(part.nbytes for part in broadcast) / 500


def test_latent_factor() -> None:
    posterior, broadcast = sent(12)
    assert f"a posterior has {posterior:.0f} bytes" in SIZING
    assert f"broadcast of it {broadcast:.0f}: for {USERS:,} users" in SIZING
    assert f"{posterior * USERS / 1e9:.2f} GB to the driver" in SIZING
    assert f"{broadcast * USERS / 1e9:.2f} GB in each Python worker" in SIZING
    first = next(rank for rank in range(1, 99) if sent(rank)[0] * USERS > DEFAULT_RESULTS)
    assert f"From rank {first} on" in SIZING


@pytest.mark.parametrize("rank", [1, 7, 12])
def test_the_formula_of_a_posterior(rank: int) -> None:
    d = rank + 1
    assert sent(rank)[0] == 4 + 8 * d + 2 * d * (d + 1)
    assert "4 + 8 d + 2 d (d + 1)" in SIZING


def test_similarity() -> None:
    stars = csr_matrix(np.ones((300, 200), np.float32))
    candidates = Residuals(np.arange(300), np.arange(200), stars)
    ratings = stars.data.nbytes + stars.indices.nbytes
    assert similarity.PairSums(candidates)._stars is stars
    assert ratings / stars.nnz == 8
    assert "8 bytes a rating, 32 for a moment" in SIZING
