"""How a training's errors went, epoch by epoch or iteration by iteration."""

from collections.abc import Iterable

from pydantic import TypeAdapter

from ymr_spark.records.record import Record


class Point(Record):
    """One epoch, or one iteration, counted from 1; errors are MSEs in stars squared, or of models
    that only rank the mean loss of a row, in nats.

    An error is None where no rows judge it. `validation_ndcg` is the NDCG@100 of lists, where they
    are what is judged. `fold_sd` is the standard deviation of the folds' validation errors, where
    the point is a mean over folds.
    """

    epoch: int
    train_mse: float | None
    validation_mse: float | None
    train_nats: float | None = None
    validation_nats: float | None = None
    validation_ndcg: float | None = None
    seconds: float | None = None
    fold_sd: float | None = None

    @property
    def validation(self) -> float | None:
        """The validation error, whichever it is."""
        return self.validation_nats if self.validation_mse is None else self.validation_mse

    @property
    def error(self) -> float | None:
        """What a search makes small: the validation MSE, of lists what their NDCG lacks of 1."""
        return self.validation_mse if self.validation_ndcg is None else 1 - self.validation_ndcg


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
