"""The ratings of one block of users: a pure function of world, part and block."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ymr_spark.sources.planted import choice, latent, sampling, world
from ymr_spark.sources.planted.sampling import Ints, Singles, Stream
from ymr_spark.sources.planted.songs import PlantedSongs
from ymr_spark.sources.planted.users import Users
from ymr_spark.sources.planted.world import World

BLOCK_USERS: Final = 250  # fixed: another number would be another data set
COLD_ROWS: Final = 0.02  # of the test rows, where there are cold songs


@dataclass(frozen=True)
class PlantedRows:
    """One element per (user, song), users and songs ascending; `user` is an index, not an id."""

    user: Ints
    song: Ints
    mean: npt.NDArray[np.float32]  # of the latent score
    level: npt.NDArray[np.int8]  # of the rating


def blocks(users: Users) -> int:
    """How many times BLOCK_USERS cover the users."""
    return -(-len(users) // BLOCK_USERS)


def of_block(
    planted: World, users: Users, part: int, block: int
) -> tuple[PlantedRows, PlantedRows]:
    """Train and test rows of the users BLOCK_USERS * block and on."""
    rng = sampling.generator(planted.seed, Stream.ROWS, part, block)
    first = block * BLOCK_USERS
    counts = users.train_rows[first : first + BLOCK_USERS]
    needed = counts + sampling.TEST_ROWS
    keys = _drawn(rng, planted, users.taste[first : first + BLOCK_USERS], needed)
    starts = np.cumsum(needed) - needed
    is_test = np.zeros(len(keys), np.bool_)
    held_out = starts[:, None] + sampling.choose(rng, needed, sampling.TEST_ROWS)
    is_test[held_out.ravel()] = True
    test = np.sort(_some_cold(rng, planted.songs, keys[is_test]))
    train_rows = _rate(rng, planted, users, first, keys[~is_test])
    return train_rows, _rate(rng, planted, users, first, test)


def _drawn(rng: np.random.Generator, planted: World, taste: Singles, needed: Ints) -> Ints:
    """As `sampling.draw_songs`, for users of these tastes."""
    songs = planted.songs
    if not planted.choice.strength:
        return sampling.draw_songs(rng, songs.weight, needed)
    with np.errstate(divide="ignore"):
        popularity = np.log(songs.weight).astype(np.float32)
    found = []
    for some in choice.chunks(len(needed), len(songs)):
        weights = popularity + planted.choice.log_weights(songs, taste[some])
        drawn = sampling.race(rng, weights, needed[some])
        found.append(some.start * len(songs) + drawn)
    return np.concatenate(found)


def _some_cold(rng: np.random.Generator, songs: PlantedSongs, keys: Ints) -> Ints:
    """A few of the test rows (TEST_ROWS a user) get songs that train never has."""
    cold = np.flatnonzero(songs.cold)
    users, width = len(keys) // sampling.TEST_ROWS, min(len(cold), sampling.TEST_ROWS)
    table = keys.reshape(users, sampling.TEST_ROWS).copy()
    choice = sampling.choose(rng, np.full(users, len(cold)), width)
    swapped = rng.random((users, width)) < COLD_ROWS
    base = table[:, :width] // len(songs.cold) * len(songs.cold)
    table[:, :width] = np.where(swapped, base + cold[choice], table[:, :width])
    return table.ravel()


def _rate(
    rng: np.random.Generator, planted: World, users: Users, first: int, keys: Ints
) -> PlantedRows:
    user, song = np.divmod(keys, len(planted.songs.weight))
    user += first
    affinity_sd = planted.traits.affinity_sd
    mean = world.means(planted.songs, planted.choice, users, user, song, affinity_sd)
    noise = np.float32(planted.traits.noise_sd) * rng.standard_normal(len(user), np.float32)
    return PlantedRows(user, song, mean, latent.discretise(mean + noise, planted.cuts))
