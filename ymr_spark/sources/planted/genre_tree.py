"""R2's genre tree in shape (216 genres, three levels), and each genre's share of the ratings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

UNKNOWN = 0
UNKNOWN_SHARE = 0.863  # of the ratings; the moments below leave room for 0.855..0.867 only
MEAN, SD = 16.77832, 43.07285
PARENT_MEAN, PARENT_SD = 16.70814, 42.89884
LEVEL_MEAN, LEVEL_SD = 1.013341, 0.1266558

# In the order of their ids. The large ones sit where the mean of the known ids must be.
TOP_NAMES = [
    "Unknown",
    "Blues",
    "Children's",
    "Classical",
    "Comedy",
    "Electronic",
    "Folk",
    "Gospel",
    "Jazz",
    "Rap",
    "R&B",
    "Rock",
    "Pop",
    "Country",
    "Música Latina",
    "Reggae",
    "Soundtracks",
    "World",
    "Holiday",
    "Other",
]
TOP_WEIGHTS = {"Rock": 10.0, "Pop": 6.0, "R&B": 4.0, "Country": 3.0, "Rap": 2.5}
# No genre is so rare that no song fits into it.
SMALLEST_SHARE = 2e-6


@dataclass(frozen=True)
class Genres:
    """One element per genre, at its id."""

    parent: npt.NDArray[np.int32]
    level: npt.NDArray[np.int32]
    name: list[str]


def tree() -> Genres:
    """20 genres at level 1, 130 at level 2, 66 at level 3, children just after their parent.

    Every third child is at level 3, below the child before it; the last family is flat, so that
    the largest parent id is 211.
    """
    parent, level, name = [UNKNOWN], [1], [TOP_NAMES[0]]
    starts = [1 + round(i * 210 / 18) for i in range(19)] + [216]
    for top, end, label in zip(starts, starts[1:], TOP_NAMES[1:], strict=False):
        for genre in range(top, end):
            child = genre - top
            deep = end < 216 and (child in (3, 6, 9, 11))
            parent.append(genre - 1 if deep else top)
            level.append(3 if deep else 1 + (child > 0))
            name.append(f"{label} child-{child}" if child else label)
    return Genres(np.array(parent, np.int32), np.array(level, np.int32), name)


def shares(genres: Genres) -> npt.NDArray[np.float64]:
    """Each genre's share of the ratings: R2's moments of id, parent and level, Unknown's share.

    Among all such distributions the nearest to plain weights (Rock largest) in the sense of
    Kullback-Leibler: an exponential tilt, whose parameters minimise a convex function.
    """
    ids = np.arange(len(genres.parent))
    features = np.stack(
        [
            ids == UNKNOWN,
            ids / 100,
            (ids / 100) ** 2,
            genres.parent / 100,
            (genres.parent / 100) ** 2,
            genres.level - 1,
            (genres.level - 1) ** 2,
        ]
    )
    floor_mass = SMALLEST_SHARE * len(ids)
    wanted = (_moments() - SMALLEST_SHARE * features.sum(axis=1)) / (1 - floor_mass)
    tilted = _tilt(_plain_weights(genres), features, wanted)
    return SMALLEST_SHARE + (1 - floor_mass) * tilted


def _moments() -> npt.NDArray[np.float64]:
    def first_two(mean: float, sd: float, unit: float) -> list[float]:
        return [mean / unit, (mean**2 + sd**2) / unit**2]

    return np.array(
        [
            UNKNOWN_SHARE,
            *first_two(MEAN, SD, 100),
            *first_two(PARENT_MEAN, PARENT_SD, 100),
            *first_two(LEVEL_MEAN - 1, LEVEL_SD, 1),
        ]
    )


def _plain_weights(genres: Genres) -> npt.NDArray[np.float64]:
    by_level = {1: 0.5, 2: 0.1, 3: 0.05}
    return np.array(
        [
            TOP_WEIGHTS.get(name, by_level[level])
            for name, level in zip(genres.name, genres.level.tolist(), strict=True)
        ]
    )


def _tilt(
    weights: npt.NDArray[np.float64],
    features: npt.NDArray[np.float64],
    wanted: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """weights * exp(multipliers . features), normalised, whose feature means are the wanted."""
    centred = features - wanted[:, None]

    def distribution(multipliers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        logits = np.log(weights) + multipliers @ centred
        tilted = np.exp(logits - logits.max())
        return np.asarray(tilted / tilted.sum())

    def gaps(multipliers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(centred @ distribution(multipliers))

    def slopes(multipliers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        p = distribution(multipliers)
        means = centred @ p
        return np.asarray((centred * p) @ centred.T - np.outer(means, means))

    def log_sum(multipliers: npt.NDArray[np.float64]) -> float:
        logits = np.log(weights) + multipliers @ centred
        return float(logits.max() + np.log(np.exp(logits - logits.max()).sum()))

    solution = optimize.minimize(
        log_sum,
        np.zeros(len(wanted)),
        jac=gaps,
        hess=slopes,
        method="trust-exact",
        options={"gtol": 1e-10},
    )
    return distribution(solution.x)
