"""The bias model: mean + b_user + b_song, ridge-regularised and solved to convergence.

Minimises  sum (r - mean - b_u - b_s)^2 + user_damping sum b_u^2 + song_damping sum b_s^2,
the mean being that of the train ratings (Koren, Bell and Volinsky 2009, equation 3).
"""

import logging
from collections.abc import Iterable
from functools import reduce

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from ymr_spark.models.blocks import UserBlock, unpack
from ymr_spark.models.factors import FactorModel, Floats, Ints
from ymr_spark.models.positions import Positions

log = logging.getLogger(__name__)

Totals = tuple[Ints, Floats, Floats]  # song ids, ascending; ratings and sum of stars of each
_NOTHING: Totals = np.zeros(0, np.int32), np.zeros(0), np.zeros(0)


def fit(
    blocks: DataFrame,
    user_damping: float,
    song_damping: float,
    tolerance: float,
    max_iterations: int,
) -> tuple[FactorModel, list[float]]:
    """Alternate exact solutions for users and songs, one scan of the blocks each time.

    Args:
        blocks: `blocks.user_blocks` of the train ratings.
        user_damping, song_damping: in ratings, as many zero residuals added to each.
        tolerance: stop when no song's offset moves by more, in stars.

    Returns:
        The model, of rank 0, and the largest move of an offset by iteration.
    """
    songs, counts, sums = _song_totals(blocks)
    mean = float(sums.sum() / counts.sum())
    offsets = (sums - mean * counts) / (counts + song_damping)
    moves: list[float] = []
    while len(moves) < max_iterations and (not moves or moves[-1] > tolerance):
        sums, lean, users = _song_sums(blocks, mean, songs, offsets, user_damping)
        new = sums / (counts + song_damping)
        new -= shift(new, lean, users, user_damping, song_damping)
        moves.append(float(np.abs(new - offsets).max()))
        offsets = new
        log.info("iteration %d: offsets moved by up to %.5f stars", len(moves), moves[-1])
    user_ids, user_offsets = _user_offsets(blocks, mean, songs, offsets, user_damping)
    nothing = np.empty((len(user_ids), 0), np.float32), np.empty((len(songs), 0), np.float32)
    return (
        FactorModel("bias", mean, user_ids, user_offsets, nothing[0], songs, offsets, nothing[1]),
        moves,
    )


def user_solution(
    block: UserBlock, mean: float, song_offsets: Floats, damping: float
) -> tuple[Floats, Floats]:
    """The best user offsets (users,) given those of the songs, and the residuals r - mean - b_s.

    Args:
        song_offsets: (ratings,), of each rating's song.
    """
    residuals = block.ratings - (mean + song_offsets)
    return np.add.reduceat(residuals, block.starts) / (block.counts + damping), residuals


def _song_totals(blocks: DataFrame) -> Totals:
    def totals(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        found = reduce(_added, map(_block_totals, unpack(batches)), _NOTHING)
        yield pa.RecordBatch.from_arrays(
            [pa.array([part.tobytes()]) for part in found], ["songs", "counts", "sums"]
        )

    rows = blocks.mapInArrow(totals, "songs binary, counts binary, sums binary").collect()
    found = (
        (np.frombuffer(row.songs, np.int32), np.frombuffer(row.counts), np.frombuffer(row.sums))
        for row in rows
    )
    return reduce(_added, found, _NOTHING)


def _block_totals(block: UserBlock) -> Totals:
    # A flag for each id there could be is much faster than sorting.
    rated = np.zeros(int(block.songs.max()) + 1, bool)
    rated[block.songs] = True
    songs = np.flatnonzero(rated).astype(np.int32)
    song = Positions(songs).of(block.songs)
    counts, sums = (np.bincount(song, w).astype(np.float64) for w in (None, block.ratings))
    return songs, counts, sums


def _added(one: Totals, other: Totals) -> Totals:
    songs = np.union1d(one[0], other[0])
    counts, sums = np.zeros(len(songs)), np.zeros(len(songs))
    for ids, of_counts, of_sums in (one, other):
        place = np.searchsorted(songs, ids)
        counts[place] += of_counts
        sums[place] += of_sums
    return songs, counts, sums


def shift(songs: Floats, lean: float, users: int, user_damping: float, damping: float) -> float:
    """What to take from all songs and give to all users.

    It changes no prediction, only the penalty: alternation alone would be slow to find it.
    """
    weight = user_damping * users + damping * np.count_nonzero(songs)
    return float((damping * songs.sum() - user_damping * lean) / weight) if weight else 0.0


def _song_sums(
    blocks: DataFrame, mean: float, songs: Ints, song_offsets: Floats, damping: float
) -> tuple[Floats, float, int]:
    """Sum by song of r - mean - b_u, with b_u the best given `song_offsets`; sum of b_u; users."""
    shared = blocks.sparkSession.sparkContext.broadcast((songs, song_offsets))

    def residuals(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        ids, offsets = shared.value
        positions = Positions(ids)
        sums, lean, count = np.zeros(len(offsets)), 0.0, 0
        for block in unpack(batches):
            song = positions.of(block.songs)
            known = offsets[song]
            users, rest = user_solution(block, mean, known, damping)
            rest += known - np.repeat(users, block.counts)
            sums += np.bincount(song, weights=rest, minlength=len(offsets))
            lean, count = lean + float(users.sum()), count + len(users)
        columns = {"sums": [sums.tobytes()], "lean": [lean], "users": [count]}
        yield pa.RecordBatch.from_pydict(columns)

    rows = blocks.mapInArrow(residuals, "sums binary, lean double, users long").collect()
    total: Floats = np.sum([np.frombuffer(row.sums) for row in rows], axis=0)
    return total, sum(row.lean for row in rows), sum(row.users for row in rows)


def _user_offsets(
    blocks: DataFrame, mean: float, songs: Ints, song_offsets: Floats, damping: float
) -> tuple[Ints, Floats]:
    shared = blocks.sparkSession.sparkContext.broadcast((songs, song_offsets))

    def solve(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        ids, offsets = shared.value
        positions = Positions(ids)
        for block in unpack(batches):
            users, _ = user_solution(block, mean, offsets[positions.of(block.songs)], damping)
            yield pa.RecordBatch.from_arrays(
                [pa.array(block.users), pa.array(users)], ["user_id", "offset"]
            )

    table = blocks.mapInArrow(solve, "user_id int, offset double").toArrow().sort_by("user_id")
    return table.column("user_id").to_numpy(), table.column("offset").to_numpy()
