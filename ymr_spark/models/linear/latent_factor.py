"""The latent factor model: iterations until the validation MSE gains no more, each a checkpoint."""

import logging
import math
import time
from itertools import islice
from typing import Any

from ymr_spark.models import sections
from ymr_spark.models.estimator import HasCheckpointDir, RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.held_out import HeldOut
from ymr_spark.models.linear import variational_bayes
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.linear.variational_bayes import Found, State
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.packing import Packed
from ymr_spark.records import learning_curve
from ymr_spark.records.learning_curve import Curve, Point
from ymr_spark.store import atomically, scratch
from ymr_spark.store.locations import Location

log = logging.getLogger(__name__)
_UPDATES = 2


def fit(
    by_user: Packed,
    by_song: Packed,
    base: FactorModel,
    validation: HeldOut,
    checkpoints: Location,
    *,
    rank: int,
    max_iterations: int,
    tolerance: float,
    seed: int,
    found: Found | None = None,
) -> tuple[State, Curve]:
    """Iterate until the validation MSE gains less than `tolerance`; the last state is kept.

    Continues after the last checkpoint, to the same model as without an interruption.

    Args:
        base: the bias model of the same train ratings.
        checkpoints: a folder of this very training.
        tolerance: in stars squared.
        found: what to begin with, instead of what follows from the seed; of that rank.

    Returns:
        The state, and one point per iteration; its train error is the expected one.
    """
    if found is not None and found.rank == rank:
        first = variational_bayes.begin_with(base, found)
    else:
        first = variational_bayes.begin(base, rank, seed)
    state, curve = _resumed(checkpoints) or (first, [])
    further = variational_bayes.iterations(by_user, by_song, base.mean, state)
    while len(curve) < max_iterations and not converged(curve, tolerance):
        started = time.monotonic()
        state = next(further)
        error = validation.mse(variational_bayes.factor_model(base, state))
        point = Point(
            epoch=state.iteration,
            train_mse=state.noise,
            validation_mse=error,
            seconds=round(time.monotonic() - started, 2),
        )
        curve.append(point)
        _save(checkpoints, state, curve)
        log.info("iteration %d: validation %.4f", state.iteration, error)
    return state, curve


def update(by_user: Packed, by_song: Packed, base: FactorModel, state: State) -> State:
    """Further iterations on ratings of which the state has not seen all.

    Args:
        base: the bias model of these ratings.
    """
    known = variational_bayes.with_songs(state, base.song_ids)
    further = variational_bayes.iterations(by_user, by_song, base.mean, known)
    *_, last = islice(further, _UPDATES)
    return last


def converged(curve: Curve, tolerance: float) -> bool:
    """Whether the last iteration gained less than `tolerance` on validation."""
    errors = [point.validation_mse for point in curve[-2:] if point.validation_mse is not None]
    return len(errors) == 2 and errors[0] - errors[1] < tolerance


def _save(folder: Location, state: State, curve: Curve) -> None:
    """The state first: the curve, which names it, is what makes it count."""
    atomically.write(folder / f"{state.iteration}.npz", variational_bayes.checkpoint(state))
    atomically.write(folder / "curve.json", learning_curve.dumps(curve))
    for file in folder.glob("*.npz"):
        if file.stem != str(state.iteration):
            file.unlink()


def _resumed(folder: Location) -> tuple[State, Curve] | None:
    if not (folder / "curve.json").exists():
        return None
    curve = learning_curve.loads((folder / "curve.json").read_text())
    log.info("continuing after iteration %d", len(curve))
    return variational_bayes.of_checkpoint((folder / f"{len(curve)}.npz").read_bytes()), curve


class LatentFactorModel(LinearModel):
    """A fitted `LatentFactor`; `learning_curve` is by iteration.

    Attributes:
        state: that it ended in; only of a model that was fitted in this process.
    """

    state: State


class LatentFactor(RatingEstimator[LatentFactorModel], HasCheckpointDir):
    """mean + b_user + b_item + p_user · q_item, all of it fitted together by variational Bayes.

    It stops once an iteration gains less than `tol` on the rows of `validationIndicatorCol`;
    without that column it goes on to `maxIter`.
    """

    section = sections.LatentFactor

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> LatentFactorModel:
        assert fallback is not None
        with self.checkpoints() as checkpoints:
            state, curve = fit(
                ratings.by_user,
                ratings.by_song,
                fallback.scorer,
                ratings.validation_arrays,
                checkpoints,
                **settings,
                seed=self.getOrDefault("seed"),
                found=None if self.start is None else Found.of_npz(self.start),
            )
        return _of_state(fallback.scorer, state, curve)

    def _rounds(self, chosen: LatentFactorModel) -> dict[str, Any]:
        return {"max_iterations": len(chosen.learning_curve)}

    def update(self, chosen: LatentFactorModel, ratings: TrainRatings) -> LatentFactorModel:
        """Further iterations."""
        everything, fallback = ratings.with_validation, self.fallback
        assert fallback is not None
        state = update(everything.by_user, everything.by_song, fallback.scorer, chosen.state)
        model = _of_state(fallback.scorer, state, chosen.learning_curve)
        return self._known(model, everything, fallback)

    def curve(self, ratings: TrainRatings) -> Curve:
        """A point for each of `maxIter` iterations."""
        base = self.fallback or self._own_fallback(ratings)
        parts = ratings.by_user, ratings.by_song, base.scorer, ratings.validation_arrays
        settings = self.settings() | {"tolerance": -math.inf}
        with scratch.named_or_temporary(None) as folder:
            return fit(*parts, folder, **settings, seed=self.getOrDefault("seed"))[1]


def _of_state(base: FactorModel, state: State, curve: Curve) -> LatentFactorModel:
    model = LatentFactorModel(variational_bayes.factor_model(base, state), curve)
    model.state = state
    model.found = Found.of_state(state).as_npz()
    return model
