"""Songs that are rated together: a linear autoencoder in closed form, EASE (Steck 2019).

With X the (users, songs) matrix of ones where a song was rated, the weights B of least
|X - X B|² + ridge |B|² whose diagonal is 0 are, with P = (Xᵀ X + ridge I)^-1,

    B_js = -P_js / P_ss  for j ≠ s   (Steck 2019, equation 8).

The songs are those most rated, since P takes their number cubed.
"""

import logging
from typing import Any

import numpy as np
from scipy.linalg import blas, lapack
from scipy.sparse import csr_matrix

from ymr_spark.models import sections
from ymr_spark.models.arrays import Floats
from ymr_spark.models.estimator import RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.neighbors.item_weights import ItemWeights
from ymr_spark.models.neighbors.model import ItemModel
from ymr_spark.models.neighbors.residuals import most_rated, ones_of_songs
from ymr_spark.models.train_ratings import TrainRatings

log = logging.getLogger(__name__)
# Users whose rows are held densely: at 4,096 songs 32 MB.
_USERS_AT_ONCE = 2_048


def fit(rated: csr_matrix, ridge: float) -> Floats:
    """The weights (songs, songs), float32.

    Args:
        rated: (users, songs) ones.
        ridge: in users.
    """
    squares = together(rated).astype(np.float64)
    squares[np.diag_indices_from(squares)] += ridge
    # Both give the upper triangle alone.
    root, failed = lapack.dpotrf(squares, lower=False, overwrite_a=True)
    inverse, failed_too = lapack.dpotri(root, lower=False, overwrite_c=True)
    if failed or failed_too:
        raise ArithmeticError(f"item_neighbors: no inverse; raise ridge above {ridge:g}")
    upper = np.triu(inverse)
    inverse = upper + np.triu(upper, 1).T
    weights: Floats = (-inverse / np.diag(inverse)).astype(np.float32)
    weights[np.diag_indices_from(weights)] = 0
    return weights


def together(rated: csr_matrix) -> Floats:
    """Users who have rated both songs, (songs, songs) float32, the upper triangle alone."""
    counts = np.zeros((rated.shape[1], rated.shape[1]), np.float32, order="F")
    for first in range(0, rated.shape[0], _USERS_AT_ONCE):
        dense = rated[first : first + _USERS_AT_ONCE].toarray().astype(np.float32)
        counts = blas.ssyrk(1.0, dense.T, beta=1.0, c=counts, overwrite_c=True)
    return counts


class ItemNeighborsModel(ItemModel):
    """A fitted `ItemNeighbors`."""


class ItemNeighbors(RatingEstimator[ItemNeighborsModel]):
    """Items by the items that a user has rated, with weights for each pair of the items most
    rated; its prediction is about 1 for what was rated, 0 for the rest."""

    section = sections.ItemNeighbors
    falls_back = False

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> ItemNeighborsModel:
        songs = most_rated(ratings.by_song, settings["candidates"])
        rated = ones_of_songs(ratings.by_song, songs)
        log.info("%d songs have %d ratings", len(songs), rated.nnz)
        weights, none = fit(rated, settings["ridge"]), np.zeros(len(songs))
        model = ItemWeights("item_neighbors", songs, songs, weights, none, ratings.scale)
        return ItemNeighborsModel(model)
