import math

import told

from ymr_spark.records import learning_curve


def test_errors_that_are_no_numbers_are_told_from_those_that_are_not_there() -> None:
    """A training that diverged is taken up as such, and not as one without validation rows."""
    curve = told.curve((math.inf, math.nan), (1.0, None))
    diverged, unjudged = learning_curve.loads(learning_curve.dumps(curve))
    assert diverged.validation_mse is not None
    assert math.isnan(diverged.validation_mse)
    assert diverged.train_mse == math.inf
    assert unjudged.validation_mse is None


def test_seconds_add_up_and_may_be_unknown() -> None:
    curve = told.curve((1.0, 2.0), (1.0, 1.5))
    assert learning_curve.seconds(curve) == 2.0
    assert learning_curve.seconds([p.model_copy(update={"seconds": None}) for p in curve]) == 0
