"""Which songs users choose to rate: popular ones, and those to their taste where that has a say.

The weight with which user u comes to song s is

    popularity_s · exp(strength · taste_u · taste_s - norm_s),

norm_s being such that a song's share of all ratings is what popularity alone would give it. Those
who rate a song like it more than others would: `lift_s`, the mean of their taste_u · taste_s, is
taken off its latent score, so that songs and genres are rated as if everybody had been asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from ymr_spark.sources.planted.sampling import Floats, Ints, Singles
from ymr_spark.sources.planted.songs import PlantedSongs
from ymr_spark.sources.planted.users import Users

_USERS: Final = 2_000  # by whom norm and lift are found
_ROUNDS: Final = 5
_STEPS: Final = 4  # of Newton's method
_CELLS: Final = 1 << 22  # users times songs that are held at once


@dataclass(frozen=True)
class Choice:
    """What `strength` asks of each song; without strength both arrays are of zeros."""

    strength: float
    norm: Singles  # (songs,)
    lift: Singles  # (songs,), on the latent score

    def log_weights(self, songs: PlantedSongs, taste: Singles) -> Singles:
        """Logarithms of the weights (users, songs) beside popularity, of users of these tastes
        (users, rank)."""
        return np.asarray(np.float32(self.strength) * agreement(songs, taste) - self.norm)


def agreement(songs: PlantedSongs, taste: Singles) -> Singles:
    """taste_u · taste_s of all pairs, (users, songs)."""
    found = np.zeros((len(taste), len(songs)), np.float32)
    dimensions = np.ascontiguousarray(songs.taste.T)
    # Not `@`: a BLAS may sum in another order on another number of cores. A user at a time, whose
    # songs stay in the cache.
    for of_user, row in zip(taste, found, strict=True):
        for weight, of_songs in zip(of_user, dimensions, strict=True):
            row += weight * of_songs
    return found


def chunks(users: int, songs: int) -> Iterator[slice]:
    """Users that are held at once beside all songs."""
    step = max(1, _CELLS // songs)
    return (slice(first, min(first + step, users)) for first in range(0, users, step))


def calibrated(
    rng: np.random.Generator, songs: PlantedSongs, users: Users, exposure: Floats, strength: float
) -> Choice:
    """Norm and lift by a sample of users.

    Args:
        exposure: each song's share of the ratings, (songs,).
    """
    nothing = np.zeros(len(songs), np.float32)
    choice = Choice(strength, nothing, nothing)
    if not strength:
        return choice
    some = np.sort(rng.permutation(len(users))[:_USERS])
    taste, counts = users.taste[some], users.train_rows[some]
    warm = ~songs.cold
    for _ in range(_ROUNDS):
        shares, _ = _shares(choice, songs, taste, counts)
        norm = choice.norm.copy()
        norm[warm] += np.log(shares[warm] / exposure[warm]).astype(np.float32)
        choice = Choice(strength, norm, nothing)
    shares, liked = _shares(choice, songs, taste, counts)
    lift = np.where(warm, liked / np.where(warm, shares, 1), 0)
    return Choice(strength, choice.norm, lift.astype(np.float32))


def _shares(
    choice: Choice, songs: PlantedSongs, taste: Singles, counts: Ints
) -> tuple[Floats, Floats]:
    """Each song's share of the ratings, and that times the mean agreement of those who rate it."""
    shares, liked = np.zeros(len(songs)), np.zeros(len(songs))
    for some in chunks(len(taste), len(songs)):
        weights = songs.weight * np.exp(choice.log_weights(songs, taste[some]))
        chances = _inclusion(weights.astype(np.float32), counts[some])
        shares += chances.sum(axis=0, dtype=np.float64)
        liked += (chances * agreement(songs, taste[some])).sum(axis=0, dtype=np.float64)
    return shares / counts.sum(), liked / counts.sum()


def _inclusion(weights: Singles, counts: Ints) -> Singles:
    """`sampling.inclusion` of each row of (users, songs), for as many songs as the user has."""
    time = (counts / weights.sum(axis=1)).astype(np.float32)
    for _ in range(_STEPS):
        left = np.exp(-weights * time[:, None])
        missing = counts - (1 - left).sum(axis=1)
        time += (missing / (weights * left).sum(axis=1)).astype(np.float32)
    return np.asarray(1 - np.exp(-weights * time[:, None]))
