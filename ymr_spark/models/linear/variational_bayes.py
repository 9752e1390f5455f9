"""The latent factor model, mean + b_u + b_s + p_u · q_s, all of it fitted together.

Every user has the vector w_u = (b_u, p_u), every song w_s = (b_s, q_s); ratings are the score
plus normal noise, and the vectors of a side are normal with a covariance of its own. Variational
Bayes gives each vector a normal posterior in turn; its E step for users is, with x_s = (1, q_s),

    precision_u = C_users^-1 + sum_s E[x_s x_s^T] / noise
    mean_u      = precision_u^-1 sum_s E[x_s (r - mean - b_s)] / noise

and alike for songs. The M step takes both covariances and the noise from the posteriors, so that
regularisation is learnt from the train rows (Lim and Teh 2007, "Variational Bayesian approach to
movie rating prediction"). A step is one scan of the packed ratings; the other side is broadcast.
"""

import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.linear import by_other, triangles
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.packing import Block, Packed, flat, one_row
from ymr_spark.positions import Positions

# Of a block; the rows of the two matrices follow one another.
_SCHEMA = """ids array<int>, means array<double>, covariances array<float>, squared double,
    ratings long"""
_FIRST_FACTOR_SD = 0.3
_FIRST_NOISE = 1.5  # stars squared; replaced after one iteration


@dataclass(frozen=True)
class Posteriors:
    """The posteriors of the users or of the songs; `ids` ascend.

    `means` is (n, 1 + rank), the offset first; `covariances` holds the upper triangles, (n, t).
    """

    ids: Ints
    means: Floats
    covariances: Floats
    prior: Floats  # covariance of the side's vectors, (1 + rank, 1 + rank)


@dataclass(frozen=True)
class State:
    """All that the next iteration follows from."""

    users: Posteriors
    songs: Posteriors
    noise: float  # variance, stars squared
    iteration: int = 0


@dataclass(frozen=True)
class Found:
    """Of a state, what a fit to other ratings can begin with: nothing of single users."""

    songs: Posteriors
    users_prior: Floats
    noise: float

    @classmethod
    def of_state(cls, state: State) -> "Found":
        """What it has found."""
        return cls(state.songs, state.users.prior, state.noise)

    @property
    def rank(self) -> int:
        """Factors, the offset apart."""
        return len(self.users_prior) - 1

    def as_npz(self) -> bytes:
        """What `of_npz` reads, the same bytes for the same content."""
        file = io.BytesIO()
        np.savez(file, users_prior=self.users_prior, noise=self.noise, **vars(self.songs))
        return file.getvalue()

    @classmethod
    def of_npz(cls, content: bytes) -> "Found":
        """What `as_npz` was called of."""
        with np.load(io.BytesIO(content)) as arrays:
            songs = Posteriors(*(arrays[f.name] for f in fields(Posteriors)))
            return cls(songs, arrays["users_prior"], float(arrays["noise"]))


@dataclass(frozen=True)
class Seen:
    """Moments of z = (b, 1, factors) for one side, as the other side's step reads them."""

    ids: Ints
    first: Floats  # (n, 2 + rank)
    second: Floats  # upper triangles of E[z z^T], (n, t)
    positions: Positions  # of `ids`


def begin(base: FactorModel, rank: int, seed: int) -> State:
    """The bias model's offsets, with random song factors that follow from the seed."""
    random = np.random.default_rng(seed)
    users = _side(base.user_ids, base.user_offsets, np.zeros((len(base.user_ids), rank)))
    factors = random.normal(0, _FIRST_FACTOR_SD, (len(base.song_ids), rank))
    return State(users, _side(base.song_ids, base.song_offsets, factors), _FIRST_NOISE)


def begin_with(base: FactorModel, found: Found) -> State:
    """What was found in other ratings, brought to these: new songs are at their prior. Of users
    the first step needs no more than theirs; songs that have no rating here go with it."""
    nothing = np.zeros((len(base.user_ids), found.rank))
    users = replace(_side(base.user_ids, base.user_offsets, nothing), prior=found.users_prior)
    return with_songs(State(users, found.songs, found.noise), base.song_ids)


def iterations(
    user_blocks: Packed, song_blocks: Packed, mean: float, state: State
) -> Iterator[State]:
    """States after each further iteration, without end.

    Args:
        user_blocks, song_blocks: the same train ratings by `packing.by_user` and
            `packing.by_song`.
        mean: of the ratings, in stars.
    """
    while True:
        users, _ = _step(user_blocks, state.users, state.songs, mean, state.noise)
        songs, noise = _step(song_blocks, state.songs, users, mean, state.noise)
        state = State(users, songs, noise, state.iteration + 1)
        yield state


def with_songs(state: State, song_ids: Ints) -> State:
    """The state that has these songs, ascending, too: at their prior, since nothing is known."""
    songs = state.songs
    new = np.setdiff1d(song_ids, songs.ids)
    ids = np.r_[songs.ids, new]
    means = np.r_[songs.means, np.zeros((len(new), songs.means.shape[1]))]
    unknown = songs.prior[triangles.places(len(songs.prior))].astype(np.float32)
    covariances = np.r_[songs.covariances, np.tile(unknown, (len(new), 1))]
    order = np.argsort(ids)
    known = Posteriors(ids[order], means[order], covariances[order], songs.prior)
    return replace(state, songs=known)


def factor_model(base: FactorModel, state: State) -> FactorModel:
    """The posterior means as a model to score with, around the mean of the bias model."""
    users, songs = state.users, state.songs
    return FactorModel(
        "latent_factor",
        base.mean,
        users.ids,
        users.means[:, 0],
        users.means[:, 1:].astype(np.float32),
        songs.ids,
        songs.means[:, 0],
        songs.means[:, 1:].astype(np.float32),
        base.scale,
    )


def checkpoint(state: State) -> bytes:
    """The state as an npz file, the same bytes for the same state."""
    arrays: dict[str, Any] = {"noise": state.noise, "iteration": state.iteration}
    for name, side in (("users", state.users), ("songs", state.songs)):
        arrays |= {f"{name}_{key}": value for key, value in vars(side).items()}
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def of_checkpoint(content: bytes) -> State:
    """What `checkpoint` was given."""
    with np.load(io.BytesIO(content)) as arrays:
        keys = ("ids", "means", "covariances", "prior")
        users, songs = (
            Posteriors(*(arrays[f"{name}_{key}"] for key in keys)) for name in ("users", "songs")
        )
        return State(users, songs, float(arrays["noise"]), int(arrays["iteration"]))


def _side(ids: Ints, offsets: Floats, factors: Floats) -> Posteriors:
    means = np.c_[offsets, factors]
    triangle = np.zeros((len(ids), len(triangles.places(means.shape[1])[0])), np.float32)
    return Posteriors(ids, means, triangle, np.eye(means.shape[1]))


def _step(
    blocks: Packed, side: Posteriors, other: Posteriors, mean: float, noise: float
) -> tuple[Posteriors, float]:
    """New posteriors of `side` given those of the other; mean expected squared error."""
    shared = blocks.broadcast(_seen(other))
    weight = np.linalg.inv(side.prior)

    def solve(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
        for block in blocks:
            means, covariances, squared = _solved(block, shared.value, mean, noise, weight)
            yield one_row(
                ids=block.owners,
                means=means.ravel(),
                covariances=covariances.astype(np.float32).ravel(),
                squared=squared,
                ratings=len(block.ratings),
            )

    table = blocks.map(solve, _SCHEMA).toArrow()
    shared.destroy()
    # A plain sum would depend on the order of the blocks.
    squared, ratings = (table[name].to_numpy().tolist() for name in ("squared", "ratings"))
    return _gathered(table), math.fsum(squared) / sum(ratings)


def _solved(
    block: Block, other: Seen, mean: float, noise: float, weight: Floats
) -> tuple[Floats, Floats, float]:
    """Means (n, d), triangles of the covariances (n, t), expected squared error of the block."""
    size = other.first.shape[1]
    rest = block.ratings.astype(np.float32) - np.float32(mean)
    values = by_other.matrix(block, rest, other.positions.of(block.others), len(other.ids))
    first = (values @ other.first).astype(np.float64)
    second = triangles.full(by_other.ones(values) @ other.second, size).astype(np.float64)
    covariance = np.linalg.inv(second[:, 1:, 1:] / noise + weight)
    means = np.einsum("nij,nj->ni", covariance, (first[:, 1:] - second[:, 0, 1:]) / noise)
    own = np.c_[np.ones(len(means)), means]
    squared = np.square(rest, dtype=np.float64).sum() - 2 * np.sum(own * first)
    squared += np.einsum("ni,nij,nj->", own, second, own)
    squared += np.sum(second[:, 1:, 1:] * covariance)
    rows, columns = triangles.places(size - 1)
    return means, covariance[:, rows, columns], float(squared)


def _gathered(table: pa.Table) -> Posteriors:
    ids = flat(table, "ids")
    order = np.argsort(ids)
    means, covariances = (
        flat(table, name).reshape(len(ids), -1)[order] for name in ("means", "covariances")
    )
    ids = ids[order]
    spread = triangles.full(covariances.mean(axis=0, dtype=np.float64)[None], means.shape[1])[0]
    return Posteriors(ids, means, covariances, means.T @ means / len(ids) + spread)


def _seen(side: Posteriors) -> Seen:
    z = np.insert(side.means, 1, 1.0, axis=1)
    rows, columns = triangles.places(z.shape[1])
    # Each row whole in memory, by `take`: the sparse product copies what is laid out otherwise.
    second = z.take(rows, axis=1) * z.take(columns, axis=1)
    uncertain = (rows != 1) & (columns != 1)
    second[:, uncertain] += side.covariances
    return Seen(side.ids, z.astype(np.float32), second.astype(np.float32), Positions(side.ids))
