"""A planted world: songs, and how latent scores become ratings, calibrated to R2's shape."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from ymr_spark.scale import Scale
from ymr_spark.sources.planted import choice, latent, sampling, songs, users
from ymr_spark.sources.planted.choice import Choice
from ymr_spark.sources.planted.sampling import Floats, Ints, Singles, Stream
from ymr_spark.sources.planted.songs import PlantedSongs
from ymr_spark.sources.planted.traits import Traits
from ymr_spark.sources.planted.users import Users
from ymr_spark.sources.r2.scale import R2

TEST_MEAN: Final = 3.46  # of R2's test_0, in stars of R2
# Inverse square width, in radians, of the bump around the angle at which user and song meet.
SHARPNESS: Final = 20.0
_CALIBRATION_SONGS: Final = 20
_CHOSEN_SONGS: Final = 60  # where their weights differ
_STEPS: Final = 8  # of Newton's method
_SURE: Final = 1 - 1e-9
_BINS: Final = 4_000  # of a score's histogram
_SLOPES: Final = (-1.0, 0.5)
USUAL: Final = Traits()


@dataclass(frozen=True)
class World:
    """All that the parts have in common."""

    seed: int
    scale: Scale
    traits: Traits
    songs: PlantedSongs
    choice: Choice
    cuts: tuple[float, ...]
    activity_slope: float  # of a user's offset on the logarithm of its train rows


def plant(
    seed: int,
    n_users: int,
    n_songs: int,
    train_ratings: int,
    cold_share: float,
    scale: Scale = R2,
    traits: Traits = USUAL,
) -> World:
    """Plant a world whose part 0 has R2's shape; sizes are those of a full part.

    Raises:
        ValueError: so many ratings do not fit these users and songs.
    """
    rng = sampling.generator(seed, Stream.SONGS)
    weight, cold = songs.weights(rng, n_songs, cold_share, traits.song_spread)
    counts = users.counts_of(seed, 0, n_users, train_ratings, weight, traits.user_spread)
    exposure = sampling.exposure(weight, counts)
    exposure /= exposure.sum()
    planted = songs.plant(rng, weight, cold, exposure, traits, scale)
    level = users.plant(seed, 0, 0, counts, 0, traits.taste_variances)
    rng = sampling.generator(seed, Stream.CHOICE)
    chosen = choice.calibrated(rng, planted, level, exposure, traits.choice)
    slope, cuts = _calibrate(seed, planted, chosen, level, scale, traits)
    return World(seed, scale, traits, planted, chosen, tuple(cuts), slope)


def users_of(world: World, part: int, first: int, n_users: int, train_ratings: int) -> Users:
    """The users of one part, whose ids begin at `first`."""
    traits, weight = world.traits, world.songs.weight
    counts = users.counts_of(world.seed, part, n_users, train_ratings, weight, traits.user_spread)
    slope, variances = world.activity_slope, traits.taste_variances
    return users.plant(world.seed, part, first, counts, slope, variances)


def means(
    songs: PlantedSongs, chosen: Choice, users: Users, user: Ints, song: Ints, affinity_sd: float
) -> Singles:
    """The latent score's mean for each pair of a user's and a song's index."""
    taste = np.einsum("ij,ij->i", users.taste[user], songs.taste[song])
    affinity = _affinity(users.angle[user] - songs.angle[song], affinity_sd)
    of_song = songs.quality[song] - chosen.lift[song]
    return np.asarray(users.lean[user] + of_song + taste + affinity)


def _affinity(angle: Singles, wanted_sd: float) -> Singles:
    """A narrow bump over a circle, of mean 0 and that standard deviation."""
    mean = special.ive(0, SHARPNESS)
    sd = np.sqrt(special.ive(0, 2 * SHARPNESS) - mean**2)
    bump = np.exp(np.float32(SHARPNESS) * (np.cos(angle) - np.float32(1)))
    return np.asarray((bump - np.float32(mean)) * np.float32(wanted_sd / sd))


def _calibrate(
    seed: int, planted: PlantedSongs, chosen: Choice, level: Users, scale: Scale, traits: Traits
) -> tuple[float, list[float]]:
    """The slope on activity and the cut points that give R2's ratings and its test mean.

    All users of part 0, still without the slope, meet a few songs each, drawn as a user of
    their activity draws them, each weighing as much as the user's taste makes it likelier. Train
    weighs a user by its rows, test weighs all the same.
    """
    rng = sampling.generator(seed, Stream.CALIBRATION)
    each = _CHOSEN_SONGS if chosen.strength else _CALIBRATION_SONGS
    song, by = _typical_songs(rng, planted.weight, level.train_rows, each)
    user = np.arange(len(level))
    scores = np.stack(
        [means(planted, chosen, level, user, s, traits.affinity_sd) for s in song.T], axis=1
    ).astype(np.float64)
    activity = np.log(level.train_rows)[:, None]
    likelier = _likelier(chosen, planted, level, song, by)
    train_weight = level.train_rows[:, None] * likelier

    below = latent.shares_below(scale)

    def test_mean(slope: float) -> tuple[float, list[float]]:
        tilted = scores + slope * activity
        test, edges = np.histogram(tilted, _BINS, weights=likelier)
        train, _ = np.histogram(tilted, edges, weights=train_weight)
        centres = (edges[:-1] + edges[1:]) / 2
        cuts = latent.fit_cuts(centres, train, below, traits.noise_sd)
        expected = latent.expectation(latent.probabilities(centres, cuts, traits.noise_sd), scale)
        return float((test * expected).sum() / test.sum()), cuts

    wanted = scale.lowest + scale.width * ((TEST_MEAN - R2.lowest) / R2.width)
    low, high = _SLOPES
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if test_mean(middle)[0] > wanted else (low, middle)
    return middle, test_mean(middle)[1]


def _likelier(chosen: Choice, songs: PlantedSongs, users: Users, song: Ints, by: Floats) -> Floats:
    """How much likelier each user is to rate these songs than by popularity, (users, songs each),
    of mean 1 by user.

    Args:
        by: the chances by popularity, which the songs were drawn by.
    """
    if not chosen.strength:
        return np.ones(song.shape)
    taste = np.einsum("uk,usk->us", users.taste, songs.taste[song])
    rates = np.exp(chosen.strength * taste.astype(np.float64) - chosen.norm[song])
    rates *= -np.log1p(-np.minimum(by, _SURE))
    # From below, whence Newton's method comes nearer with every step.
    pace = 1 / (rates / by).mean(axis=1, keepdims=True)
    for _ in range(_STEPS):
        left = np.exp(-pace * rates)
        missing = 1 - ((1 - left) / by).mean(axis=1, keepdims=True)
        pace += missing / (rates * left / by).mean(axis=1, keepdims=True)
    return np.asarray((1 - np.exp(-pace * rates)) / by)


def _typical_songs(
    rng: np.random.Generator, weight: Floats, counts: Ints, songs: int
) -> tuple[Ints, Floats]:
    """So many of each user's likely songs, and their chances by popularity, (users, songs)."""
    edges = np.geomspace(counts.min(), counts.max() + 1, 25)
    group = np.searchsorted(edges, counts, side="right")
    song, chance = np.empty((len(counts), songs), np.int64), np.empty((len(counts), songs))
    for g in np.unique(group).tolist():
        members = np.flatnonzero(group == g)
        chances = sampling.inclusion(weight, float(counts[members].mean()))
        bounds = np.cumsum(chances)
        luck = rng.random((len(members), songs)) * bounds[-1]
        song[members] = np.minimum(np.searchsorted(bounds, luck, side="right"), len(weight) - 1)
        chance[members] = chances[song[members]]
    return song, chance
