"""The planted users of a part: how many songs they rate, their lean and their taste."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ymr_spark.sources.planted import sampling
from ymr_spark.sources.planted.sampling import Floats, Ints, Singles, Stream

LEAN_SD: Final = 0.28  # of a user's offset on the latent score, beside the poles
POLE: Final = 0.9  # how far above or below the others a user at a pole is
POLE_SHARES: Final = (0.04, 0.9, 0.06)  # of the users: low, neither, high
MOST_OF_SONGS: Final = 0.6  # of the warm songs, that one user rates


@dataclass(frozen=True)
class Users:
    """One element per user of a part; `first` is the id of the first one."""

    first: int
    train_rows: Ints
    lean: Singles
    taste: Singles  # shape (users, rank), variances Traits.taste_variances
    angle: Singles  # radians

    def __len__(self) -> int:
        return len(self.train_rows)


def counts_of(
    seed: int, part: int, users: int, train_ratings: int, weight: Floats, spread: float
) -> Ints:
    """Train rows of each user of a part."""
    rng = sampling.generator(seed, Stream.COUNTS, part)
    most = int(MOST_OF_SONGS * np.count_nonzero(weight)) - sampling.TEST_ROWS
    return sampling.user_counts(rng, users, train_ratings, most, spread)


def plant(
    seed: int, part: int, first: int, counts: Ints, activity_slope: float, variances: Floats
) -> Users:
    """Users with these train rows; the more of them, the lower a user leans.

    Args:
        variances: of taste in each dimension, (rank,).
    """
    rng = sampling.generator(seed, Stream.USERS, part)
    n = len(counts)
    lean = LEAN_SD * rng.standard_normal(n) + rng.choice([-POLE, 0, POLE], n, p=POLE_SHARES)
    taste = rng.standard_normal((n, len(variances))) * np.sqrt(variances)
    # Over a part's rows tastes cancel out, so that they move no genre's mean rating.
    taste -= (counts[:, None] * taste).sum(axis=0) / counts.sum()
    angle = rng.uniform(0, 2 * np.pi, n)
    return Users(
        first,
        counts,
        (lean + activity_slope * np.log(counts)).astype(np.float32),
        taste.astype(np.float32),
        angle.astype(np.float32),
    )
