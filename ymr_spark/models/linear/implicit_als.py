"""Matrix factorisation of what was rated at all, whatever the stars (Hu, Koren and Volinsky 2008).

With p_u and q_s the factors, n_u and n_s numbers of ratings, U and S those of users and songs,

    Σ_{(u, s) rated} (1 - p_u · q_s)² + w Σ_{all u, s} (p_u · q_s)²
      + l / (1 + a) (Σ_u (n_u + w S) |p_u|² + Σ_s (n_s + w U) |q_s|²)

is minimised by turns: the regularisation scaled by frequency, with which it is still among the
best (Rendle, Krichene, Zhang and Koren 2021, equations 2 and 4, at their exponent 1). The weight
is given as a = w U S / Σ n, that of all pairs together beside the rated ones, which means the same
whatever the numbers of users and songs; and since n_u + w S is (1 + a) n_u on average, so does l,
whatever the weight.
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
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.packing import Block, Packed, flat, one_row
from ymr_spark.positions import Positions

log = logging.getLogger(__name__)
Side = tuple[Ints, Floats]  # ids, ascending, and their factors (ids, rank)
_SCORES_SD = 0.1  # of what the factors that it begins with multiply to
# Owners whose systems of equations are solved at once.
_AT_ONCE = 1_024


def fit(
    by_user: Packed,
    by_song: Packed,
    *,
    rank: int,
    unobserved: float,
    regularization: float,
    iterations: int,
    seed: int,
) -> FactorModel:
    """Factors after so many iterations, in each of which the songs' are found first.

    Args:
        by_user, by_song: the same ratings.
        unobserved: a above.
        regularization: l above.
    """
    user_ids = np.sort(by_user.counts()[0])
    random = np.random.default_rng(seed)
    sd = np.sqrt(_SCORES_SD) / rank**0.25
    begin = user_ids, (sd * random.standard_normal((len(user_ids), rank))).astype(np.float32)
    return iterate(by_user, by_song, begin, unobserved, regularization, iterations)


def iterate(
    by_user: Packed,
    by_song: Packed,
    users: Side,
    unobserved: float,
    regularization: float,
    iterations: int,
) -> FactorModel:
    """So many iterations from these factors of all users on."""
    song_ids, ratings = by_song.counts()
    weight = unobserved * float(ratings.sum(dtype=np.int64)) / (len(users[0]) * len(song_ids))
    ridge = regularization / (1 + unobserved)
    for iteration in range(iterations):
        songs = solved(by_song, users, weight, ridge)
        users = solved(by_user, songs, weight, ridge)
        log.info("iteration %d", iteration + 1)
    offsets = (np.zeros(len(ids)) for ids, _ in (users, songs))
    sides = [(ids, next(offsets), factors) for ids, factors in (users, songs)]
    return FactorModel("implicit_als", 0.0, *sides[0], *sides[1], by_user.scale, "chance")


def solved(blocks: Packed, others: Side, weight: float, ridge: float) -> Side:
    """The owners' factors of least loss, given those of all others.

    Args:
        weight: w above.
        ridge: l / (1 + a) above.
        others: all of the blocks' others are among them.
    """
    ids, factors = others
    rank = factors.shape[1]
    everything = weight * (factors.T.astype(np.float64) @ factors)
    everything += ridge * weight * len(ids) * np.eye(rank)
    shared = blocks.broadcast((Positions(ids), factors, everything))

    def solve(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
        positions, factors, everything = shared.value
        for block in blocks:
            found = _of_block(block, positions, factors, everything, ridge)
            yield one_row(ids=block.owners, factors=found.ravel())

    table = blocks.map(solve, "ids array<int>, factors array<float>").toArrow()
    shared.destroy()
    owners = flat(table, "ids")
    order = np.argsort(owners)
    return owners[order], flat(table, "factors").reshape(-1, rank)[order]


def _of_block(
    block: Block, positions: Positions, factors: Floats, everything: Floats, ridge: float
) -> Floats:
    rank = factors.shape[1]
    place, starts = positions.of(block.others), block.starts
    found = np.empty((len(block.owners), rank), np.float32)
    for first in range(0, len(block.owners), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        squares = np.empty((len(block.owners[some]), rank, rank))
        sums = np.empty((len(squares), rank))
        for row, (start, count) in enumerate(zip(starts[some], block.counts[some], strict=True)):
            rated = factors[place[start : start + count]]
            squares[row] = rated.T @ rated
            sums[row] = rated.sum(axis=0, dtype=np.float64)
        squares += everything
        squares += (ridge * block.counts[some])[:, None, None] * np.eye(rank)
        found[some] = np.linalg.solve(squares, sums[..., None])[..., 0]
    return found


class ImplicitAlsModel(LinearModel):
    """A fitted `ImplicitAls`; its prediction is about 1 for what was rated, 0 for the rest."""


class ImplicitAls(RatingEstimator[ImplicitAlsModel]):
    """Matrix factorisation by alternating least squares of which items were rated at all."""

    section = sections.ImplicitAls
    falls_back = False

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> ImplicitAlsModel:
        seed = self.getOrDefault("seed")
        return ImplicitAlsModel(fit(ratings.by_user, ratings.by_song, **settings, seed=seed))

    def update(self, chosen: ImplicitAlsModel, ratings: TrainRatings) -> ImplicitAlsModel:
        """One further iteration."""
        everything, settings = ratings.with_validation, self.settings()
        users = chosen.scorer.user_ids, chosen.scorer.user_factors
        penalties = settings["unobserved"], settings["regularization"]
        found = iterate(everything.by_user, everything.by_song, users, *penalties, 1)
        return self._known(ImplicitAlsModel(found), everything, None)
