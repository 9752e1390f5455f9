"""From a latent score to a rating of 1..5: what is observed, expected and irreducible."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32] | Floats

RATINGS: Final = np.arange(1, 6)
# Of R2's train_0: millions of rows with each rating, as shares, and the standard deviation.
R2_SHARES: Final = np.array([20.2, 8.3, 11.4, 12.4, 24.0]) / 76.3
R2_SD: Final = 1.599536


def discretise(scores: Scores, cuts: Sequence[float]) -> npt.NDArray[np.int8]:
    """1 + the number of cut points below each score."""
    return np.asarray(1 + sum((scores > cut).astype(np.int8) for cut in cuts), np.int8)


def probabilities(means: Scores, cuts: Sequence[float], noise: float) -> Floats:
    """P(rating = 1..5) of a score of normal noise around each mean: shape (n, 5)."""
    below = special.ndtr((np.asarray(cuts) - np.asarray(means, np.float64)[:, None]) / noise)
    edges = np.concatenate([np.zeros((len(below), 1)), below, np.ones((len(below), 1))], axis=1)
    return np.diff(edges, axis=1)


def expectation(chances: Floats) -> Floats:
    """The rating that a predictor who knows the truth would name."""
    return np.asarray(chances @ RATINGS)


def variance(chances: Floats) -> Floats:
    """The squared error that is left to a predictor who knows the truth."""
    return np.asarray(chances @ RATINGS**2 - expectation(chances) ** 2)


def fit_cuts(means: Floats, weights: Floats, shares: Floats, noise: float) -> list[float]:
    """The cut points at which weighted scores have the wanted share of each rating.

    `means` may be the centres of a histogram's bins, `weights` their counts.
    """
    weights = weights / weights.sum()
    reach = 8 * noise

    def cut(share_below: float) -> float:
        def gap(c: float) -> float:
            return float(weights @ special.ndtr((c - means) / noise)) - share_below

        return float(optimize.brentq(gap, means.min() - reach, means.max() + reach, xtol=1e-10))

    return [cut(share) for share in np.cumsum(shares)[:-1].tolist()]


def correlation_kept() -> float:
    """What is left of a correlation with a normal score of variance 1 once it is cut.

    The sum over the cut points of phi(cut) / sd(rating), for R2's shares of the ratings.
    """
    cuts = special.ndtri(np.cumsum(R2_SHARES)[:-1])
    return float(np.exp(-(cuts**2) / 2).sum() / np.sqrt(2 * np.pi) / R2_SD)
