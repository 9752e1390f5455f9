"""From a latent score to a rating: what is observed, expected and irreducible."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from ymr_spark.scale import Scale
from ymr_spark.sources.r2.scale import R2

Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32] | Floats

# Of R2's train_0: millions of rows with each rating, as shares, and the standard deviation.
R2_SHARES: Final = np.array([20.2, 8.3, 11.4, 12.4, 24.0]) / 76.3
R2_SD: Final = 1.599536


def discretise(scores: Scores, cuts: Sequence[float]) -> npt.NDArray[np.int8]:
    """The level of each score: the number of cut points below it."""
    return np.asarray(sum((scores > cut).astype(np.int8) for cut in cuts), np.int8)


def probabilities(means: Scores, cuts: Sequence[float], noise: float) -> Floats:
    """P(level) of a score of normal noise around each mean: shape (n, levels)."""
    below = special.ndtr((np.asarray(cuts) - np.asarray(means, np.float64)[:, None]) / noise)
    edges = np.concatenate([np.zeros((len(below), 1)), below, np.ones((len(below), 1))], axis=1)
    return np.diff(edges, axis=1)


def expectation(chances: Floats, scale: Scale) -> Floats:
    """The rating, in stars, that a predictor who knows the truth would name."""
    return np.asarray(chances @ scale.values)


def variance(chances: Floats, scale: Scale) -> Floats:
    """The squared error, in stars squared, that is left to a predictor who knows the truth."""
    return np.asarray(chances @ scale.values**2 - expectation(chances, scale) ** 2)


def shares_below(scale: Scale) -> Floats:
    """The share of the ratings below each level but the lowest, (levels - 1,).

    R2's, whose every rating is spread evenly where there are more levels.
    """
    places = np.arange(1, scale.levels) / scale.levels
    given = np.arange(R2.levels + 1) / R2.levels
    return np.interp(places, given, np.r_[0, np.cumsum(R2_SHARES)])


def fit_cuts(means: Floats, weights: Floats, below: Floats, noise: float) -> list[float]:
    """The cut points at which weighted scores have the wanted shares below each of them.

    `means` may be the centres of a histogram's bins, `weights` their counts.
    """
    weights = weights / weights.sum()
    reach = 8 * noise

    def cut(share_below: float) -> float:
        def gap(c: float) -> float:
            return float(weights @ special.ndtr((c - means) / noise)) - share_below

        return float(optimize.brentq(gap, means.min() - reach, means.max() + reach, xtol=1e-10))

    return [cut(share) for share in below.tolist()]


def correlation_kept(scale: Scale) -> float:
    """What is left of a correlation with a normal score of variance 1 once it is cut.

    The sum over the cut points of phi(cut) · step / sd(rating), for `shares_below`.
    """
    cuts = special.ndtri(shares_below(scale))
    sd = R2_SD * (_spread(scale) / _spread(R2)) / scale.step
    return float(np.exp(-(cuts**2) / 2).sum() / np.sqrt(2 * np.pi) / sd)


def _spread(scale: Scale) -> float:
    """The standard deviation, in stars, of ratings with `shares_below`."""
    shares = np.diff(np.r_[0, shares_below(scale), 1])
    return float(np.sqrt(shares @ scale.values**2 - (shares @ scale.values) ** 2))
