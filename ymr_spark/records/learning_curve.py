"""How a training's errors went, epoch by epoch or iteration by iteration."""

from collections.abc import Iterable

from pydantic import TypeAdapter

from ymr_spark.records.record import Record


class Point(Record):
    """One epoch, or one iteration, counted from 1; errors are MSEs in stars squared.

    An error is None where no rows judge it. `fold_sd` is the standard deviation of the folds'
    validation errors, where the point is a mean over folds.
    """

    epoch: int
    train_mse: float | None
    validation_mse: float | None
    seconds: float | None = None
    fold_sd: float | None = None


Curve = list[Point]
_CURVE = TypeAdapter(Curve)


def seconds(curve: Iterable[Point]) -> float:
    """Of the whole training, whatever interrupted it; 0 where none were taken."""
    return sum(point.seconds or 0.0 for point in curve)


def dumps(curve: Curve) -> str:
    """The curve as JSON, with errors that are no finite numbers as they are."""
    return _CURVE.dump_json(curve, exclude_unset=True).decode()


def loads(text: str | bytes) -> Curve:
    """The curve that `dumps` has written."""
    return _CURVE.validate_json(text)
