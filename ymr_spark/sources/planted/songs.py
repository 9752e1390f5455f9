"""The planted songs: genre, artist, album, popularity, quality and taste of each."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ymr_spark.scale import Scale
from ymr_spark.sources.planted import genre_tree, latent, sampling
from ymr_spark.sources.planted.sampling import Floats, Ints, Singles
from ymr_spark.sources.planted.traits import Traits
from ymr_spark.sources.r2.scale import R2

# Correlations of the ratings of R2's train_0.
GENRE_CORRELATION: Final = 0.020506
LEVEL_CORRELATION: Final = 0.004521

QUALITY_SD: Final = 0.26  # of a song's offset on the latent score
ALBUM_SONGS: Final = 6.7
ARTIST_ALBUMS: Final = 2.2


@dataclass(frozen=True)
class PlantedSongs:
    """One element per song, at its id."""

    album: Ints
    artist: Ints
    genre: Ints
    cold: npt.NDArray[np.bool_]  # rated in test only
    weight: Floats  # popularity; 0 for cold songs, the sum is 1
    quality: Singles
    taste: Singles  # shape (songs, rank), variance 1 in each column
    angle: Singles  # radians

    def __len__(self) -> int:
        return len(self.weight)


def weights(
    rng: np.random.Generator, songs: int, cold_share: float, spread: float
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Popularity of each song, 0 for the cold ones, and which those are."""
    cold = np.zeros(songs, np.bool_)
    cold[rng.permutation(songs)[: round(cold_share * songs)]] = True
    weight = np.zeros(songs)
    weight[~cold] = sampling.popularity(rng, int((~cold).sum()), spread)
    return weight, cold


def plant(
    rng: np.random.Generator,
    weight: Floats,
    cold: npt.NDArray[np.bool_],
    exposure: Floats,
    traits: Traits,
    scale: Scale = R2,
) -> PlantedSongs:
    """Songs whose shares of the ratings, `exposure` (sum 1), give R2's genre figures."""
    tree, rank = genre_tree.tree(), traits.taste_rank
    genre = _genres(rng, exposure, genre_tree.shares(tree), cold)
    album, artist = _albums(rng, genre)
    quality = _by_artist(rng, artist, album, traits.quality_parts, 1)[:, 0]
    quality = _correlated(
        quality, exposure, genre, tree.level[genre], latent.correlation_kept(scale)
    )
    own = np.where(np.arange(len(tree.level)) == genre_tree.UNKNOWN, 0.0, traits.genre_taste)
    taste = _by_artist(rng, artist, album, traits.taste_parts, rank)
    taste += (own[:, None] * rng.standard_normal((len(own), rank)))[genre]
    taste -= _mean(taste, exposure)
    taste /= np.sqrt(_mean(taste**2, exposure))
    angle = rng.uniform(0, 2 * np.pi, len(weight)).astype(np.float32)
    singles = quality.astype(np.float32), taste.astype(np.float32), angle
    return PlantedSongs(album, artist, genre, cold, weight, *singles)


def _genres(
    rng: np.random.Generator, exposure: Floats, shares: Floats, cold: npt.NDArray[np.bool_]
) -> Ints:
    """Each song's genre, so that the genres' shares of the expected ratings are as wanted.

    Popular songs choose first, by what is left of the shares that they fit into; at the end
    each share is met to about one unpopular song. Cold songs choose by the shares.
    """
    genre = np.empty(len(exposure), np.int64)
    genre[cold] = rng.choice(len(shares), int(cold.sum()), p=shares / shares.sum())
    left = shares.copy()
    order = np.argsort(-exposure, kind="stable")[: int((~cold).sum())]
    luck = rng.random(len(order)).tolist()
    for song, size, where in zip(order.tolist(), exposure[order].tolist(), luck, strict=True):
        bounds = np.cumsum(np.where(left >= size, left, 0))
        chosen = int(np.searchsorted(bounds, where * bounds[-1], side="right"))
        if chosen == len(left):
            chosen = int(np.argmax(left))
        genre[song] = chosen
        left[chosen] -= size
    return genre


def _albums(rng: np.random.Generator, genre: Ints) -> tuple[Ints, Ints]:
    """Albums of one artist and artists of one genre, of geometric sizes, numbered at random."""
    order = rng.permutation(len(genre))
    order = order[np.argsort(genre[order], kind="stable")]
    new_genre = np.diff(genre[order], prepend=-1) > 0
    new_album = new_genre | (rng.random(len(order)) < 1 / ALBUM_SONGS)
    new_artist = new_genre | (new_album & (rng.random(len(order)) < 1 / ARTIST_ALBUMS))
    album, artist = np.empty_like(genre), np.empty_like(genre)
    for group, starts in ((album, new_album), (artist, new_artist)):
        group[order] = rng.permutation(int(starts.sum()))[np.cumsum(starts) - 1]
    return album, artist


def _by_artist(
    rng: np.random.Generator, artist: Ints, album: Ints, parts: tuple[float, ...], rank: int
) -> Floats:
    """Normal effects of variance 1: the artist's, the album's and the song's own part."""
    groups = (artist, album, np.arange(len(artist)))
    return np.asarray(
        sum(
            np.sqrt(share) * rng.standard_normal((int(group.max()) + 1, rank))[group]
            for group, share in zip(groups, parts, strict=True)
        )
    )


def _mean(values: Floats, weights: Floats) -> Floats:
    # Not `@`: a BLAS may sum in another order on another number of cores.
    return np.asarray((values * weights.reshape(-1, *[1] * (values.ndim - 1))).sum(axis=0))


def _correlated(
    quality: Floats, exposure: Floats, genre: Ints, level: npt.NDArray[np.int32], kept: float
) -> Floats:
    """Quality of QUALITY_SD whose correlations with genre id and level give the ratings' ones."""
    attributes = np.stack([genre, level], axis=1).astype(np.float64)
    attributes -= _mean(attributes, exposure)
    sd = np.sqrt(_mean(attributes**2, exposure))
    if not sd.all():
        return QUALITY_SD * quality
    attributes /= sd
    wanted = np.array([GENRE_CORRELATION, LEVEL_CORRELATION]) / kept
    quality = quality - _mean(quality, exposure)
    covariance = np.stack([_mean(attributes * a[:, None], exposure) for a in attributes.T])
    chance = np.linalg.solve(covariance, _mean(attributes * quality[:, None], exposure))
    quality = quality - (attributes * chance).sum(axis=1)
    quality *= QUALITY_SD / np.sqrt(_mean(quality**2, exposure))
    return np.asarray(quality + (attributes * np.linalg.solve(covariance, wanted)).sum(axis=1))
