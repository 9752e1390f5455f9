"""What kind of world is planted: how tastes, songs' content, chance and activity are made up."""

from dataclasses import dataclass

import numpy as np

from ymr_spark.sources.planted.sampling import Floats

# Variance of a user's taste in each quarter of its dimensions, the largest first.
_TASTE = np.array([0.26, 0.12, 0.06, 0.03])
# Shares of artist, album and the song itself in the variance of its quality and taste, where
# content has _CONTENT of taste.
_QUALITY_PARTS = (0.4, 0.2, 0.4)
_TASTE_PARTS = (0.55, 0.15, 0.3)
_CONTENT = 0.7
_GENRE_TASTE = 0.7  # length of a known genre's own taste, beside the artist's of 1

Parts = tuple[float, float, float]


@dataclass(frozen=True)
class Traits:
    """The defaults give R2's shape, and are what every published figure is of.

    Attributes:
        taste_rank: dimensions in which users and songs agree; their variances fall.
        noise_sd: of the latent score.
        affinity_sd: of the part of the latent score that no short dot product expresses.
        content: share of artist and album in the variance of a song's taste; with 0 no
            attribute tells anything, with 1 all that there is to know of a song's taste.
        user_spread: of the logarithm of a user's number of ratings.
        song_spread: of the logarithm of a song's popularity.
        choice: of taste on which songs a user rates: added to the logarithm of a song's weight for
            each unit of latent score by which the user's taste agrees with it.
    """

    taste_rank: int = 4
    noise_sd: float = 0.68
    affinity_sd: float = 0.125
    content: float = _CONTENT
    user_spread: float = 1.2
    song_spread: float = 1.4
    choice: float = 0.0

    @property
    def taste_variances(self) -> Floats:
        """Of a user's taste, (taste_rank,): their sum is the same for all ranks but 0."""
        quarters = len(_TASTE)
        places = np.linspace(0, quarters, self.taste_rank + 1)
        below = np.interp(places, np.arange(quarters + 1), np.r_[0, np.cumsum(_TASTE)])
        return np.diff(below).round(9) if self.taste_rank else np.empty(0)

    @property
    def taste_parts(self) -> Parts:
        """Shares of artist, album and the song itself in the variance of its taste."""
        return self._parts(_TASTE_PARTS)

    @property
    def quality_parts(self) -> Parts:
        """The same of its quality."""
        return self._parts(_QUALITY_PARTS)

    @property
    def genre_taste(self) -> float:
        """Length of a known genre's own taste, beside the artist's of 1."""
        return _GENRE_TASTE * float(np.sqrt(self.content / _CONTENT))

    def _parts(self, usual: Parts) -> Parts:
        artist, album, own = usual
        more = self.content / _CONTENT
        return artist * more, album * more, max(0.0, own + (artist + album) * (1 - more))
