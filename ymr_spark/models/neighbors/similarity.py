"""Each song's neighbours by adjusted cosine on what the bias model leaves of the ratings.

With e = rating - bias model, over the n users who rated both songs i and j,

    similarity(i, j) = n / (n + shrinkage) · Σ e_ui e_uj / (n · rms_i · rms_j),

where rms_i is the root mean square of e over all ratings of song i. That is the adjusted
cosine of Sarwar et al. 2001 with the norms of all raters rather than of the n, which are too
few to tell, shrunk as in Bell and Koren 2007.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame
from scipy.sparse import csc_matrix, csr_matrix

from ymr_spark import schemas
from ymr_spark.models import sections
from ymr_spark.models.arrays import Flags, Floats, Ints, find
from ymr_spark.models.estimator import RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.neighbors import pair_sums
from ymr_spark.models.neighbors.neighborhood import SimilarityModel
from ymr_spark.models.neighbors.residuals import Residuals, most_rated, of_song_block, of_songs
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.packing import Block, Packed
from ymr_spark.positions import Positions

log = logging.getLogger(__name__)
# Rows of similarities held at once: at 4,096 candidates 4 MB an array.
_SONGS_AT_ONCE = 256


def fit(
    blocks: Packed,
    bias: FactorModel,
    candidates: Residuals,
    shrinkage: float,
    min_overlap: int,
    neighbors: int,
) -> DataFrame:
    """One schemas.SIMILARITY_NEIGHBORS row per song of the blocks, by exact sums.

    Every pair of a song and a candidate is computed from all users who rated both.

    Args:
        blocks: `packing.by_song` of the train ratings.
        bias: fitted on them.
        candidates: what `bias` leaves of the ratings of the songs that may be neighbours.
        shrinkage: in users, as many products of 0 added to each pair.
        min_overlap: least number of users who rated both.
        neighbors: at most as many a song, those of the largest absolute similarity; of equals
            the lowest ids.
    """
    shared = blocks.broadcast((bias, candidates))

    def rank(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
        model, others = shared.value
        products, positions = PairSums(others), Positions(model.user_ids)
        for block in blocks:
            for songs, rows in _chunks(block, model, positions):
                found = products.similarities(songs, rows, shrinkage, min_overlap)
                yield _ranked(songs, found, others.songs, neighbors)

    return blocks.map(rank, schemas.SIMILARITY_NEIGHBORS)


class PairSums:
    """Sums over common users, of songs with all candidates."""

    def __init__(self, candidates: Residuals) -> None:
        self._songs = candidates.songs
        self._stars = candidates.stars
        self._rms = _rms(candidates.stars.tocsc())

    def similarities(
        self, songs: Ints, stars: csr_matrix, shrinkage: float, min_overlap: int
    ) -> Floats:
        """(songs, candidates); 0 for pairs of too few users and for a song with itself.

        Args:
            stars: (songs, users) all residuals of the songs.
        """
        sums, overlaps = pair_sums.of(stars, self._stars)
        scale = (overlaps + shrinkage) * np.outer(_rms(stars), self._rms)
        valid = (overlaps >= min_overlap) & (scale > 0)
        itself, known = find(self._songs, songs)
        valid[np.flatnonzero(known), itself[known]] = False
        found: Floats = np.divide(sums, scale, out=np.zeros_like(sums), where=valid)
        return found


def top(similarities: Floats, count: int) -> tuple[Ints, Flags]:
    """Columns of each row's `count` largest absolute values, in order, of equals the first.

    Args:
        similarities: (rows, columns) float32.

    Returns:
        The columns, (rows, at most count), and where the values there are not 0.
    """
    columns = similarities.shape[1]
    first = max(columns - count, 0)
    # The bits of positive floats are in their order; below them, what puts equals in order.
    sizes = np.abs(similarities).view(np.int32).astype(np.int64)
    keys = sizes << 32 | np.arange(columns)[::-1]
    keys.partition(first, axis=1)
    best = np.sort(keys[:, first:], axis=1)[:, ::-1]
    return columns - 1 - (best & 0xFFFFFFFF), best >> 32 > 0


def _chunks(
    block: Block, bias: FactorModel, positions: Positions
) -> Iterable[tuple[Ints, csr_matrix]]:
    users = positions.of(block.others)
    ends = np.r_[0, np.cumsum(block.counts)]
    shape = (len(block.owners), len(bias.user_ids))
    stars = csr_matrix((of_song_block(block, bias, users), users, ends), shape=shape)
    for first in range(0, len(block.owners), _SONGS_AT_ONCE):
        chunk = slice(first, first + _SONGS_AT_ONCE)
        yield block.owners[chunk], stars[chunk]


def _ranked(songs: Ints, similarities: Floats, others: Ints, count: int) -> pa.RecordBatch:
    columns, found = top(similarities, count)
    values = np.take_along_axis(similarities, columns, axis=1)
    ends = np.r_[0, np.cumsum(np.count_nonzero(found, axis=1))]
    bounds = pa.array(ends, pa.int32())
    return pa.RecordBatch.from_arrays(
        [
            pa.array(songs, pa.int32()),
            pa.ListArray.from_arrays(bounds, pa.array(others[columns[found]], pa.int32())),
            pa.ListArray.from_arrays(bounds, pa.array(values[found], pa.float32())),
        ],
        schemas.SIMILARITY_NEIGHBORS.fieldNames(),
    )


def _rms(matrix: csr_matrix | csc_matrix) -> Floats:
    """Root mean square of the stored values of each major row (CSR) or column (CSC)."""
    starts = matrix.indptr
    squares = np.r_[0.0, np.cumsum(matrix.data.astype(np.float64) ** 2)]
    counts = np.diff(starts)
    rms: Floats = np.sqrt(np.diff(squares[starts]) / np.maximum(counts, 1)).astype(np.float32)
    return rms


class Similarity(RatingEstimator[SimilarityModel]):
    """Ratings of the items most alike, by shrunk adjusted cosine of what a bias model leaves."""

    section = sections.Similarity

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> SimilarityModel:
        assert fallback is not None
        bias, damping = fallback.scorer, settings["damping"]
        songs = most_rated(ratings.by_song, settings["candidates"])
        candidates = of_songs(ratings.by_song, bias, songs)
        log.info("%d candidates have %d ratings", len(songs), candidates.stars.nnz)
        found = fit(
            ratings.by_song,
            bias,
            candidates,
            settings["shrinkage"],
            settings["min_overlap"],
            settings["neighbors"],
        ).persist(StorageLevel.DISK_ONLY)
        found.count()
        return _of_parts(bias, found, candidates, damping)

    def update(self, chosen: SimilarityModel, ratings: TrainRatings) -> SimilarityModel:
        """The same neighbours, by what the bias model of all ratings leaves of them."""
        everything, fallback = ratings.with_validation, self.fallback
        assert fallback is not None
        songs = chosen.residuals.songs
        candidates = of_songs(everything.by_song, fallback.scorer, songs)
        model = _of_parts(fallback.scorer, chosen.neighbors, candidates, chosen.damping)
        return self._known(model, everything, fallback)


def _of_parts(
    bias: FactorModel, neighbors: DataFrame, candidates: Residuals, damping: float
) -> SimilarityModel:
    model = SimilarityModel(replace(bias, name="similarity"))
    model.neighbors, model.residuals, model.damping = neighbors, candidates, damping
    model.figures = {"candidate_ratings": candidates.stars.nnz}
    return model
