"""A planted world: songs, and how latent scores become ratings, calibrated to R2's shape."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from ymr_spark.scale import Scale
from ymr_spark.sources.planted import latent, sampling, songs, users
from ymr_spark.sources.planted.sampling import Floats, Ints, Singles, Stream
from ymr_spark.sources.planted.songs import PlantedSongs
from ymr_spark.sources.planted.traits import Traits
from ymr_spark.sources.planted.users import Users
from ymr_spark.sources.r2.scale import R2

TEST_MEAN: Final = 3.46  # of R2's test_0, in stars of R2
# Inverse square width, in radians, of the bump around the angle at which user and song meet.
SHARPNESS: Final = 20.0
_CALIBRATION_SONGS: Final = 20
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
    planted = songs.plant(rng, weight, cold, exposure / exposure.sum(), traits, scale)
    level = users.plant(seed, 0, 0, counts, 0, traits.taste_variances)
    slope, cuts = _calibrate(seed, planted, level, scale, traits)
    return World(seed, scale, traits, planted, tuple(cuts), slope)


def users_of(world: World, part: int, first: int, n_users: int, train_ratings: int) -> Users:
    """The users of one part, whose ids begin at `first`."""
    traits, weight = world.traits, world.songs.weight
    counts = users.counts_of(world.seed, part, n_users, train_ratings, weight, traits.user_spread)
    slope, variances = world.activity_slope, traits.taste_variances
    return users.plant(world.seed, part, first, counts, slope, variances)


def means(songs: PlantedSongs, users: Users, user: Ints, song: Ints, affinity_sd: float) -> Singles:
    """The latent score's mean for each pair of a user's and a song's index."""
    taste = np.einsum("ij,ij->i", users.taste[user], songs.taste[song])
    affinity = _affinity(users.angle[user] - songs.angle[song], affinity_sd)
    return np.asarray(users.lean[user] + songs.quality[song] + taste + affinity)


def _affinity(angle: Singles, wanted_sd: float) -> Singles:
    """A narrow bump over a circle, of mean 0 and that standard deviation."""
    mean = special.ive(0, SHARPNESS)
    sd = np.sqrt(special.ive(0, 2 * SHARPNESS) - mean**2)
    bump = np.exp(np.float32(SHARPNESS) * (np.cos(angle) - np.float32(1)))
    return np.asarray((bump - np.float32(mean)) * np.float32(wanted_sd / sd))


def _calibrate(
    seed: int, planted: PlantedSongs, level: Users, scale: Scale, traits: Traits
) -> tuple[float, list[float]]:
    """The slope on activity and the cut points that give R2's ratings and its test mean.

    All users of part 0, still without the slope, meet a few songs each, drawn as a user of
    their activity draws them. Train weighs a user by its rows, test weighs all the same.
    """
    rng = sampling.generator(seed, Stream.CALIBRATION)
    song = _typical_songs(rng, planted.weight, level.train_rows)
    user = np.arange(len(level))
    scores = np.stack(
        [means(planted, level, user, s, traits.affinity_sd) for s in song.T], axis=1
    ).astype(np.float64)
    activity = np.log(level.train_rows)[:, None]
    train_weight = np.broadcast_to(level.train_rows[:, None], scores.shape).astype(np.float64)

    below = latent.shares_below(scale)

    def test_mean(slope: float) -> tuple[float, list[float]]:
        tilted = scores + slope * activity
        test, edges = np.histogram(tilted, _BINS)
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


def _typical_songs(rng: np.random.Generator, weight: Floats, counts: Ints) -> Ints:
    """_CALIBRATION_SONGS of each user's likely songs: shape (users, _CALIBRATION_SONGS)."""
    edges = np.geomspace(counts.min(), counts.max() + 1, 25)
    group = np.searchsorted(edges, counts, side="right")
    song = np.empty((len(counts), _CALIBRATION_SONGS), np.int64)
    for g in np.unique(group).tolist():
        members = np.flatnonzero(group == g)
        bounds = np.cumsum(sampling.inclusion(weight, float(counts[members].mean())))
        luck = rng.random((len(members), _CALIBRATION_SONGS)) * bounds[-1]
        song[members] = np.minimum(np.searchsorted(bounds, luck, side="right"), len(weight) - 1)
    return song
