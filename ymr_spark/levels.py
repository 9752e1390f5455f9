"""How many levels a scale of ratings has; without NumPy, for those who read settings only."""

import math

from ymr_spark.errors import DataContractError

# A level fits one signed byte.
MOST_LEVELS = 128
# Of a step: how far from a level a number may be that stands for it, such as 0.7 in float32.
TOLERANCE = 1e-4
_ROUNDING = 2**-24  # of a number in single precision, in which tables keep ratings


def count(lowest: float, highest: float, step: float) -> int:
    """The levels from the lowest rating to the highest, both included.

    Raises:
        DataContractError: they do not lead from one to the other, are more than `MOST_LEVELS`,
            or are not told apart in single precision.
    """
    name = f"a scale from {lowest:g} to {highest:g} stars by {step:g}"
    if not all(map(math.isfinite, (lowest, highest, step))) or step <= 0 or highest <= lowest:
        raise DataContractError(f"{name}: expected lowest < highest and a step above 0")
    steps = (highest - lowest) / step
    if abs(steps - round(steps)) > TOLERANCE or round(steps) >= MOST_LEVELS:
        raise DataContractError(
            f"{name}: expected whole steps from the lowest to the highest rating, and at most "
            f"{MOST_LEVELS} levels"
        )
    if max(abs(lowest), abs(highest)) * _ROUNDING > TOLERANCE * step:
        raise DataContractError(f"{name}: expected larger steps, told apart in single precision")
    return round(steps) + 1
