"""The bias model: mean + b_user + b_song, ridge-regularised and solved to convergence.

Minimises  sum (r - mean - b_u - b_s)^2 + user_damping sum b_u^2 + song_damping sum b_s^2,
the mean being that of the train ratings (Koren, Bell and Volinsky 2009, equation 3).
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from ymr_spark.models import sections
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.estimator import RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear import totals
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.packing import Block, Packed, flat, one_row
from ymr_spark.positions import Positions

log = logging.getLogger(__name__)


def fit(
    blocks: Packed,
    user_damping: float,
    song_damping: float,
    tolerance: float,
    max_iterations: int,
) -> tuple[FactorModel, list[float]]:
    """Alternate exact solutions for users and songs, one scan of the blocks each time.

    Args:
        blocks: `packing.by_user` of the train ratings.
        user_damping, song_damping: in ratings, as many zero residuals added to each.
        tolerance: stop when no song's offset moves by more, in stars.

    Returns:
        The model, of rank 0, and the largest move of an offset by iteration.
    """
    of_songs = totals.of_others(blocks)
    songs, counts, sums, mean = of_songs.ids, of_songs.ratings, of_songs.stars, of_songs.mean
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
    return (
        FactorModel.of_offsets(
            "bias", mean, (user_ids, user_offsets), (songs, offsets), blocks.scale
        ),
        moves,
    )


def user_solution(
    block: Block, mean: float, song_offsets: Floats, damping: float
) -> tuple[Floats, Floats]:
    """The best user offsets (users,) given those of the songs, and the residuals r - mean - b_s.

    Args:
        song_offsets: (ratings,), of each rating's song.
    """
    residuals = block.ratings - (mean + song_offsets)
    return np.add.reduceat(residuals, block.starts) / (block.counts + damping), residuals


def shift(songs: Floats, lean: float, users: int, user_damping: float, damping: float) -> float:
    """What to take from all songs and give to all users.

    It changes no prediction, only the penalty: alternation alone would be slow to find it.
    """
    weight = user_damping * users + damping * np.count_nonzero(songs)
    return float((damping * songs.sum() - user_damping * lean) / weight) if weight else 0.0


def _song_sums(
    blocks: Packed, mean: float, songs: Ints, song_offsets: Floats, damping: float
) -> tuple[Floats, float, int]:
    """Sum by song of r - mean - b_u, with b_u the best given `song_offsets`; sum of b_u; users."""
    shared = blocks.broadcast((songs, song_offsets))

    def residuals(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
        ids, offsets = shared.value
        positions = Positions(ids)
        sums, lean, count = np.zeros(len(offsets)), 0.0, 0
        for block in blocks:
            song = positions.of(block.others)
            known = offsets[song]
            users, rest = user_solution(block, mean, known, damping)
            rest += known - np.repeat(users, block.counts)
            sums += np.bincount(song, weights=rest, minlength=len(offsets))
            lean, count = lean + float(users.sum()), count + len(users)
        yield one_row(sums=sums, lean=lean, users=count)

    table = blocks.map(residuals, "sums array<double>, lean double, users long").toArrow()
    total: Floats = flat(table, "sums").reshape(table.num_rows, -1).sum(axis=0)
    lean, users = (sum(table[name].to_numpy().tolist()) for name in ("lean", "users"))
    return total, lean, users


def _user_offsets(
    blocks: Packed, mean: float, songs: Ints, song_offsets: Floats, damping: float
) -> tuple[Ints, Floats]:
    shared = blocks.broadcast((songs, song_offsets))

    def solve(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
        ids, offsets = shared.value
        positions = Positions(ids)
        for block in blocks:
            users, _ = user_solution(block, mean, offsets[positions.of(block.others)], damping)
            yield pa.RecordBatch.from_arrays(
                [pa.array(block.owners), pa.array(users)], ["user_id", "offset"]
            )

    table = blocks.map(solve, "user_id int, offset double").toArrow().sort_by("user_id")
    return table.column("user_id").to_numpy(), table.column("offset").to_numpy()


class BiasModel(LinearModel):
    """A fitted `Bias`."""


class Bias(RatingEstimator[BiasModel]):
    """mean + b_user + b_item, ridge-regularised and solved to convergence."""

    section = sections.Bias
    falls_back = False

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> BiasModel:
        model, moves = fit(ratings.by_user, **settings)
        return BiasModel(model, figures={"moves": np.round(moves, 6).tolist()})
