"""An estimator as the settings, given or chosen, want it, and its fit; a training goes on where it
was stopped."""

import time
from collections.abc import Callable
from typing import Any

from ymr_spark.models import registry
from ymr_spark.models.fitted import RatingModel
from ymr_spark.pipeline import checkpoints
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records import learning_curve
from ymr_spark.records.figures import Tuned
from ymr_spark.store.locations import Location

COLUMNS = {"userCol": "user_id", "itemCol": "song_id", "ratingCol": "rating"}
VALIDATION = "is_validation"  # the column of rows to stop by


def chosen(name: str, warehouse: Warehouse, settings: Settings) -> Tuned | None:
    """How the settings of a model were chosen; None where they are as given.

    Raises:
        DataContractError: they are to be chosen and have not been.
    """
    files = registry.named(name).choice
    if not files or not settings.tune.trials:
        return None
    warehouse.require(files[0])
    return Tuned.model_validate_json(warehouse.path(files[0]).read_bytes())


def values(name: str, warehouse: Warehouse, settings: Settings) -> dict[str, Any]:
    """The settings of a model, those that were chosen in the place of those that are given."""
    tuned = chosen(name, warehouse, settings)
    return settings.of(name) | (tuned.best.settings if tuned else {})


def estimator(
    name: str, values: dict[str, Any], seed: int, folder: Location, **governed_by: Any
) -> Any:
    """The estimator of a model, on the columns of the table of ratings.

    Args:
        folder: for its checkpoints, where it makes any.
        governed_by: what the training follows from, besides seed and settings.
    """
    made = registry.imported(registry.named(name).estimator).of_settings(
        values, **COLUMNS, seed=seed, validationIndicatorCol=VALIDATION
    )
    if made.hasParam("checkpointDir"):
        governed_by |= {"seed": seed, **values}
        made.set(made.checkpointDir, str(checkpoints.of_training(folder, governed_by)))
    return made


def timed(fit: Callable[[], RatingModel[Any]]) -> tuple[RatingModel[Any], float]:
    """The fitted model, and seconds: of a training that was interrupted, of all its parts."""
    started = time.monotonic()
    fitted = fit()
    return fitted, learning_curve.seconds(fitted.learning_curve) or time.monotonic() - started
