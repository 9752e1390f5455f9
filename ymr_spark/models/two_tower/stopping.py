"""When a training has gone on for long enough, and which of its epochs is kept."""

import math

import numpy as np

from ymr_spark.records.learning_curve import Curve


def stopped(curve: Curve, patience: int, tolerance: float = 0.0) -> bool:
    """Whether the last epoch that gained more than `tolerance` is `patience` epochs ago."""
    least, idle = math.inf, 0
    for point in curve:
        if point.validation is None:
            return False
        if point.validation < least - tolerance:
            least, idle = point.validation, 0
        else:
            idle += 1
    return idle >= patience


def best_epoch(curve: Curve) -> int:
    """The position of the lowest validation error; one that is no number is higher than any. The
    last one where there are no validation rows."""
    errors = [point.validation for point in curve if point.validation is not None]
    if len(errors) < len(curve):
        return len(curve) - 1
    return int(np.argmin(np.where(np.isnan(errors), np.inf, errors)))
