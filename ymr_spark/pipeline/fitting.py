"""An estimator as the settings want it, and its fit; a training goes on where it was stopped."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ymr_spark.models import registry
from ymr_spark.models.fitted import RatingModel
from ymr_spark.pipeline import checkpoints
from ymr_spark.pipeline.settings import Settings
from ymr_spark.records import learning_curve

COLUMNS = {"userCol": "user_id", "itemCol": "song_id", "ratingCol": "rating"}
VALIDATION = "is_validation"  # the column of rows to stop by


def estimator(name: str, settings: Settings, folder: Path, **governed_by: Any) -> Any:
    """The estimator of a model, on the columns of the table of ratings.

    Args:
        folder: for its checkpoints, where it makes any.
        governed_by: what the training follows from, besides seed and settings.
    """
    values = settings.of(name)
    made = registry.imported(registry.named(name).estimator).of_settings(
        values, **COLUMNS, seed=settings.seed, validationIndicatorCol=VALIDATION
    )
    if made.hasParam("checkpointDir"):
        governed_by |= {"seed": settings.seed, **values}
        made.set(made.checkpointDir, str(checkpoints.of_training(folder, governed_by)))
    return made


def timed(fit: Callable[[], RatingModel[Any]]) -> tuple[RatingModel[Any], float]:
    """The fitted model, and seconds: of a training that was interrupted, of all its parts."""
    started = time.monotonic()
    fitted = fit()
    return fitted, learning_curve.seconds(fitted.learning_curve) or time.monotonic() - started
