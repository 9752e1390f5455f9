"""Song neighbours by scipy's products of sparse matrices, and by implicit's item-item kernel.

Both start from the residuals of numpy's bias model and predict by the pipeline's formula with its
settings. scipy's are the pipeline's similarities too, blocks of songs at a time, a thread a core;
implicit's are not shrunk and of all pairs of songs.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from bench.pruning import shifts, strongest
from bench.rivals import bias, rows
from bench.rivals.rows import CORES, TRAIN_FILES, Result, Rows, Skipped
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse

_SONGS_AT_ONCE = 256
_ROWS_AT_ONCE = 8_192
# A dense matrix of all pairs of songs: 1.6 GB.
_MOST_SONGS_DENSE = 20_000
Near = tuple[Ints, Floats]  # candidates, ascending, and (songs, candidates) similarities


def compete_scipy(warehouse: Warehouse, _: Settings) -> Result:
    return _judged("scipy products", warehouse, product)


def compete_implicit(warehouse: Warehouse, _: Settings) -> Result:
    return _judged("implicit's cosine, not shrunk", warehouse, cosine)


def _judged(
    what: str, warehouse: Warehouse, near: Callable[[csc_matrix, dict[str, Any]], Near]
) -> Result:
    """Read, fit and judge."""
    chosen, scale = rows.settings_of(warehouse, "similarity"), warehouse.scale()

    def run() -> float:
        train, test = rows.read(warehouse, *TRAIN_FILES), rows.read(warehouse, "test")
        size = rows.shape(train, test)
        offsets = bias.fit(warehouse, train, size)
        left = train.stars - offsets.score(train.user, train.song)
        stars = csc_matrix((left, (train.user, train.song)), size)
        del train, left
        candidates, similarities = near(stars, chosen)
        scores = offsets.score(test.user, test.song)
        scores += predicted(stars[:, candidates].tocsr(), similarities, test, chosen["damping"])
        return test.mse(scores, scale)

    mse, seconds = rows.timed(run)
    return Result(what, seconds, mse)


def product(stars: csc_matrix, chosen: dict[str, Any]) -> Near:
    """Shrunk, of all songs with the most rated ones."""
    counts = np.diff(stars.indptr)
    song = np.repeat(np.arange(len(counts)), counts)
    squares = np.bincount(song, stars.data**2, len(counts))
    rms = np.sqrt(squares / np.maximum(counts, 1))
    candidates = np.sort(np.argsort(-counts, kind="stable")[: chosen["candidates"]])
    others = stars[:, candidates].tocsr()
    ones, found = _ones(others), np.empty((len(counts), len(candidates)), np.float32)

    def fill(block: slice) -> None:
        mine = stars[:, block].T  # by song
        sums, overlaps = (mine @ others).toarray(), (_ones(mine) @ ones).toarray()
        scale = (overlaps + chosen["shrinkage"]) * np.outer(rms[block], rms[candidates])
        near = np.where(overlaps >= chosen["min_overlap"], sums / np.maximum(scale, 1e-9), 0)
        near[np.arange(len(counts))[block, None] == candidates] = 0
        found[block] = strongest(near.astype(np.float32), chosen["neighbors"])

    with ThreadPoolExecutor(CORES) as threads:
        list(threads.map(fill, _blocks(len(counts), _SONGS_AT_ONCE)))
    return candidates, found


def cosine(stars: csc_matrix, chosen: dict[str, Any]) -> Near:
    """implicit's, of all pairs of songs."""
    from implicit.nearest_neighbours import CosineRecommender

    if stars.shape[1] > _MOST_SONGS_DENSE:
        raise Skipped(f"implicit's cosine: dense pairs of {stars.shape[1]:,} songs")
    model = CosineRecommender(K=chosen["neighbors"] + 1, num_threads=CORES)
    model.fit(stars.tocsr(), show_progress=False)
    near: csr_matrix = model.similarity
    near.setdiag(0)
    return np.arange(stars.shape[1]), near.astype(np.float32).toarray()


def predicted(stars: csr_matrix, near: Floats, asked: Rows, damping: float) -> Floats:
    """What the neighbours add to the bias model, (rows,).

    Args:
        stars: (users, candidates) residuals.
    """
    order = np.argsort(asked.song, kind="stable")
    found = np.zeros(len(order), np.float32)
    for block in _blocks(len(order), _ROWS_AT_ONCE):
        some = order[block]
        found[some] = shifts(stars[asked.user[some]], near[asked.song[some]], damping)
    return found


def _ones(matrix: csr_matrix) -> csr_matrix:
    return csr_matrix((np.ones_like(matrix.data), matrix.indices, matrix.indptr), matrix.shape)


def _blocks(length: int, size: int) -> Iterator[slice]:
    for first in range(0, length, size):
        yield slice(first, first + size)
