"""A training between two epochs, as its checkpoints keep it."""

import logging

import tensorflow as tf

from ymr_spark.models.two_tower.newton import Newton
from ymr_spark.models.two_tower.stopping import best_epoch, stopped
from ymr_spark.models.two_tower.towers import Towers
from ymr_spark.records import learning_curve
from ymr_spark.records.learning_curve import Point
from ymr_spark.store import scratch
from ymr_spark.store.locations import Location

log = logging.getLogger(__name__)
CHECKPOINTS_KEPT = 2


class Progress:
    """A training between two epochs: model, optimizer, the best of both and curve, in a folder."""

    def __init__(self, model: Towers, checkpoints: Location, learning_rate: float) -> None:
        """Take up the last checkpoint in the folder, if there is one."""
        self.model = model
        self.optimizer = optimizer_of(model, learning_rate)
        self.best = [tf.Variable(v) for v in self.state]
        self._text = tf.Variable("[]")
        state = tf.train.Checkpoint(
            model=model, optimizer=self.optimizer, best=self.best, progress=self._text
        )
        self._folder = scratch.Working(checkpoints)
        self._manager = tf.train.CheckpointManager(state, str(self._folder.path), CHECKPOINTS_KEPT)
        state.restore(self._manager.latest_checkpoint)
        self.curve = learning_curve.loads(self._text.numpy())
        if self.curve:
            log.info("continuing after epoch %d", len(self.curve))

    @property
    def state(self) -> list[tf.Variable]:
        """All that the next epoch goes on from."""
        return [*self.model.learnt, *self.optimizer.variables]

    def goes_on(self, max_epochs: int, patience: int, tolerance: float) -> bool:
        """Neither are all epochs done, nor has patience run out."""
        return len(self.curve) < max_epochs and not stopped(self.curve, patience, tolerance)

    def record(self, point: Point, save: bool = True) -> None:
        """Take in an epoch's errors, and the weights as they are now."""
        self.curve.append(point)
        if best_epoch(self.curve) == len(self.curve) - 1:
            assign(self.best, self.state)
        self._text.assign(learning_curve.dumps(self.curve))
        if save:
            self._manager.save()
            self._folder.publish()


def optimizer_of(model: Towers, learning_rate: float) -> Newton:
    """The optimiser, with its variables made."""
    optimizer = Newton(learning_rate, model.tables, model.noise)
    optimizer.build(model.trainable_variables)
    return optimizer


def assign(variables: list[tf.Variable], values: list[tf.Variable]) -> None:
    """Set each variable to the value at its place."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
