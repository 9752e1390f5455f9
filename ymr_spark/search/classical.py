"""Learning curves of Spark's models on a fold."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import DataFrame

from ymr_spark.models import als, bias, latent_factor_training
from ymr_spark.models.blocks import song_blocks, user_blocks
from ymr_spark.models.factors import FactorModel
from ymr_spark.models.latent_factor_training import Rows
from ymr_spark.search.folds import Fold
from ymr_spark.search.study import Curve


@dataclass(frozen=True)
class Prepared:
    """A fold as the models take it: fitted on often, prepared once."""

    fold: Fold
    users: DataFrame  # the train rows by blocks.user_blocks
    songs: DataFrame  # and by blocks.song_blocks
    base: FactorModel  # the bias model of the train rows


def prepared(fold: Fold, bias_parameters: dict[str, Any]) -> Prepared:
    """Pack the train rows and fit the bias model.

    Args:
        bias_parameters: of `bias.fit`.
    """
    users = user_blocks(fold.frame)
    base, _ = bias.fit(users, **bias_parameters)
    return Prepared(fold, users, song_blocks(fold.frame), base)


def als_curve(on: Prepared, **parameters: Any) -> Curve:
    """One point, the fitted model. What ALS does not know is scored by the bias model.

    Args:
        parameters: of `als.fit`.
    """
    model = als.fit(on.fold.frame, **parameters)
    train, held_out = (_mse(model, on.base, rows) for rows in (on.fold.train, on.fold.held_out))
    return [{"train_mse": train, "validation_mse": held_out}]


def latent_factor_curve(on: Prepared, rank: int, max_iterations: int, seed: int) -> Curve:
    """One point an iteration, to the last."""
    with tempfile.TemporaryDirectory() as folder:
        _, curve = latent_factor_training.fit(
            on.users,
            on.songs,
            on.base,
            on.fold.held_out,
            Path(folder),
            rank=rank,
            max_iterations=max_iterations,
            tolerance=-np.inf,
            seed=seed,
        )
    return curve


def _mse(model: FactorModel, fallback: FactorModel, rows: Rows) -> float:
    stars, known = model.predict(rows.users, rows.songs)
    stars = np.where(known, stars, fallback.predict(rows.users, rows.songs)[0])
    return float(np.mean((stars - rows.stars) ** 2))
