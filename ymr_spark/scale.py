"""The scale of ratings: lowest, lowest + step, ..., highest, all of them in stars."""

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from ymr_spark import levels
from ymr_spark.errors import DataContractError
from ymr_spark.levels import TOLERANCE


@dataclass(frozen=True)
class Scale:
    """Level k, from 0, is lowest + k · step stars.

    Raises:
        DataContractError: the levels do not lead from the lowest rating to the highest, or are
            more than `levels.MOST_LEVELS`, or too near to each other for single precision.
    """

    lowest: float
    highest: float
    step: float

    def __post_init__(self) -> None:
        levels.count(self.lowest, self.highest, self.step)

    def __str__(self) -> str:
        return f"a scale from {self.lowest:g} to {self.highest:g} stars by {self.step:g}"

    @property
    def levels(self) -> int:
        """How many there are."""
        return levels.count(self.lowest, self.highest, self.step)

    @property
    def middle(self) -> float:
        """Half way between the ends, in stars."""
        return (self.lowest + self.highest) / 2

    @property
    def width(self) -> float:
        """From the lowest to the highest rating, in stars."""
        return self.highest - self.lowest

    @property
    def variance(self) -> float:
        """That of ratings spread evenly over the scale, in squared stars."""
        return float(self.width**2 / 12)

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The stars of every level, (levels,), ascending."""
        return self.stars(np.arange(self.levels))

    def stars(self, places: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float64]:
        """The stars of these levels, of their shape."""
        found: npt.NDArray[np.float64] = self.lowest + self.step * places.astype(np.float64)
        return found

    def holds(self, stars: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which of these numbers are ratings of the scale, of their shape."""
        exact = (stars.astype(np.float64) - self.lowest) / self.step
        whole = np.rint(exact)
        near = np.isclose(exact, whole, rtol=0, atol=TOLERANCE)
        found: npt.NDArray[np.bool_] = near & (whole >= 0) & (whole < self.levels)
        return found

    def level_of(self, stars: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
        """The levels of these ratings, of their shape.

        Raises:
            DataContractError: a rating is none of the scale's.
        """
        off = ~self.holds(stars)
        if off.any():
            wrong = stars[off].flat[0]
            raise DataContractError(f"rating {wrong}: not on {self}")
        steps = np.rint((stars.astype(np.float64) - self.lowest) / self.step)
        found: npt.NDArray[np.int8] = steps.astype(np.int8)
        return found

    @classmethod
    def of_values(cls, stars: npt.NDArray[Any]) -> "Scale":
        """The coarsest scale that has all of these ratings, the least and the greatest its ends.

        Raises:
            DataContractError: fewer than two different ratings, or no such scale.
        """
        found = np.unique(stars.astype(np.float64))
        if len(found) < 2 or not np.isfinite(found).all():
            raise DataContractError(
                f"ratings {found.tolist()[:10]}: expected two different numbers or more to tell "
                "their scale by; give lowest, highest and step"
            )
        width = float(found[-1] - found[0])
        step = reduce(_common_step, np.diff(found).tolist())
        scale = cls(float(found[0]), float(found[-1]), width / round(width / step))
        scale.level_of(found)
        return scale


def _common_step(one: float, other: float) -> float:
    """The greatest step that both are multiples of, by Euclid's algorithm."""
    while other > TOLERANCE * one:
        one, other = other, abs(one - other * round(one / other))
    return one
