"""The bias model by numpy: to the same tolerance, same objective."""

from dataclasses import dataclass

import numpy as np

from bench.rivals import rows
from bench.rivals.rows import TRAIN_FILES, Result, Rows
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.linear import bias
from ymr_spark.models.sections import Bias
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse


@dataclass(frozen=True)
class Offsets:
    """mean + b_user + b_song, the offsets by id, 0 of ids without ratings."""

    mean: float
    users: Floats
    songs: Floats

    def score(self, user: Ints, song: Ints) -> Floats:
        """(rows,) float32, unbounded."""
        scores: Floats = self.users.astype(np.float32)[user]
        scores += self.songs.astype(np.float32)[song]
        scores += np.float32(self.mean)
        return scores


def compete(warehouse: Warehouse, _: Settings) -> Result:
    """Read, fit and judge."""

    def run() -> float:
        train, test = rows.read(warehouse, *TRAIN_FILES), rows.read(warehouse, "test")
        model = fit(warehouse, train, rows.shape(train, test))
        return test.mse(model.score(test.user, test.song), warehouse.scale())

    mse, seconds = rows.timed(run)
    return Result("numpy", seconds, mse)


def fit(warehouse: Warehouse, train: Rows, shape: tuple[int, int]) -> Offsets:
    """By the settings of the pipeline's own."""
    return alternated(train, shape, Bias(**rows.settings_of(warehouse, "bias")))


def alternated(train: Rows, shape: tuple[int, int], chosen: Bias) -> Offsets:
    """The steps of `linear.bias.fit`."""
    users, songs = train.user, train.song
    mean = float(train.stars.mean(dtype=np.float64))
    rest = train.stars - np.float32(mean)
    user_counts = np.bincount(users, None, shape[0])
    song_counts = np.bincount(songs, None, shape[1])
    damping = chosen.user_damping, chosen.song_damping
    user_weights, song_weights = (
        np.maximum(counts + damped, 1)
        for counts, damped in zip((user_counts, song_counts), damping, strict=True)
    )

    def of_users() -> Floats:
        left = rest - by_song.astype(np.float32)[songs]
        found: Floats = np.bincount(users, left, shape[0]) / user_weights
        return found

    by_song, move, iterations = np.zeros(shape[1]), np.inf, 0
    while move > chosen.tolerance and iterations < chosen.max_iterations:
        by_user = of_users()
        left = rest - by_user.astype(np.float32)[users]
        new = np.bincount(songs, left, shape[1]) / song_weights
        shift = bias.shift(new, by_user.sum(), np.count_nonzero(user_counts), *damping)
        new -= np.where(song_counts, shift, 0)
        move, by_song, iterations = float(np.abs(new - by_song).max()), new, iterations + 1
    return Offsets(mean, of_users(), by_song)
