"""Iterations until the validation MSE gains no more, each of them a checkpoint."""

import json
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import DataFrame

from ymr_spark import atomically
from ymr_spark.models import latent_factor
from ymr_spark.models.factors import FactorModel, Floats, Ints
from ymr_spark.models.latent_factor import State

log = logging.getLogger(__name__)
Curve = list[dict[str, Any]]


@dataclass(frozen=True)
class Rows:
    """Ratings to score, one element a row."""

    users: Ints
    songs: Ints
    stars: Floats

    @classmethod
    def of(cls, ratings: DataFrame) -> "Rows":
        """The (user_id, song_id, rating) rows, collected."""
        columns = ratings.select("user_id", "song_id", "rating").toArrow().columns
        return cls(*(column.to_numpy() for column in columns))

    @property
    def columns(self) -> tuple[Ints, Ints, Floats]:
        """Users, songs, stars."""
        return self.users, self.songs, self.stars

    def mse(self, model: FactorModel) -> float:
        """Mean squared error of the model's predictions, in stars squared; NaN of no rows."""
        if not len(self.stars):
            return math.nan
        predictions, _ = model.predict(self.users, self.songs)
        return float(np.mean((predictions - self.stars) ** 2))


def fit(
    user_blocks: DataFrame,
    song_blocks: DataFrame,
    base: FactorModel,
    validation: Rows,
    checkpoints: Path,
    *,
    rank: int,
    max_iterations: int,
    tolerance: float,
    seed: int,
) -> tuple[FactorModel, Curve]:
    """Iterate until the validation MSE gains less than `tolerance`; the last model is kept.

    Continues after the last checkpoint, to the same model as without an interruption.

    Args:
        base: the bias model of the same train ratings.
        checkpoints: a folder of this very training.
        tolerance: in stars squared.

    Returns:
        The model, and one entry per iteration: expected train MSE, validation MSE, seconds.
    """
    state, curve = _resumed(checkpoints) or (latent_factor.begin(base, rank, seed), [])
    further = latent_factor.iterations(user_blocks, song_blocks, base.mean, state)
    while len(curve) < max_iterations and not converged(curve, tolerance):
        started = time.monotonic()
        state = next(further)
        figures = {
            "iteration": state.iteration,
            "train_mse": state.noise,
            "validation_mse": validation.mse(_model(base, state)),
            "seconds": round(time.monotonic() - started, 2),
        }
        curve.append(figures)
        _save(checkpoints, state, curve)
        log.info("iteration %(iteration)d: validation %(validation_mse).4f", figures)
    return _model(base, state), curve


def converged(curve: Curve, tolerance: float) -> bool:
    """Whether the last iteration gained less than `tolerance` on validation."""
    if len(curve) < 2:
        return False
    return bool(curve[-2]["validation_mse"] - curve[-1]["validation_mse"] < tolerance)


def _model(base: FactorModel, state: State) -> FactorModel:
    return latent_factor.factor_model("latent_factor", base.mean, state)


def _save(folder: Path, state: State, curve: Curve) -> None:
    """The state first: the curve, which names it, is what makes it count."""
    atomically.write(folder / f"{state.iteration}.npz", latent_factor.to_bytes(state))
    atomically.write(folder / "curve.json", json.dumps(curve))
    for file in folder.glob("*.npz"):
        if file.stem != str(state.iteration):
            file.unlink()


def _resumed(folder: Path) -> tuple[State, Curve] | None:
    if not (folder / "curve.json").exists():
        return None
    curve: Curve = json.loads((folder / "curve.json").read_text())
    log.info("continuing after iteration %d", len(curve))
    return latent_factor.from_bytes((folder / f"{len(curve)}.npz").read_bytes()), curve
