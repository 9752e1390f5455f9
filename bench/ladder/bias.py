"""The bias model by Spark, and by numpy in one process: to the same tolerance, same objective."""

import json
import time

import numpy as np
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from bench.ladder import rows
from bench.ladder.rows import Line
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.linear import bias
from ymr_spark.models.sections import Bias
from ymr_spark.packing import by_user
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse


def compare(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> None:
    """Print a line each, and Spark's seconds over numpy's, with and without reading the rows."""
    test, chosen = rows.read(spark, warehouse, "test"), Bias(**settings.of("bias"))
    ours = _spark(spark, warehouse, chosen, test)
    print(json.dumps(ours), flush=True)
    theirs = _numpy(spark, warehouse, chosen, test)
    print(json.dumps(theirs), flush=True)
    whole = [line["load_seconds"] + line["fit_seconds"] for line in (ours, theirs)]
    ratio = {
        "what": "ymr_spark / numpy",
        "of_fit_seconds": round(ours["fit_seconds"] / theirs["fit_seconds"], 2),
        "of_seconds_an_iteration": round(_pass(ours) / _pass(theirs), 2),
        "of_load_and_fit_seconds": round(whole[0] / whole[1], 2),
    }
    print(json.dumps(ratio), flush=True)


def _pass(line: Line) -> float:
    return float(line["fit_seconds"] / line["iterations"])


def _spark(
    spark: SparkSession, warehouse: Warehouse, chosen: Bias, test: tuple[Ints, Ints, Floats]
) -> Line:
    """Load: Delta to packed blocks on the executors' disks."""
    train = warehouse.read(spark, "ratings").where(F.col("split") == "train")
    started = time.monotonic()
    blocks = by_user(train)
    blocks.frame.count()
    loaded = time.monotonic()
    model, moves = bias.fit(blocks, **chosen.model_dump())
    fitted = time.monotonic()
    blocks.unpersist()
    error = model.predict(test[0], test[1])[0] - test[2]
    return _line("ymr_spark", loaded - started, fitted - loaded, len(moves), error)


def _numpy(
    spark: SparkSession, warehouse: Warehouse, chosen: Bias, test: tuple[Ints, Ints, Floats]
) -> Line:
    """Load: the same Parquet files to arrays, by pyarrow."""
    started = time.monotonic()
    users, songs, stars = rows.read(spark, warehouse, "train")
    stars = stars.astype(np.float32)
    loaded = time.monotonic()
    mean, by_user, by_song, iterations = alternated(users, songs, stars, chosen)
    fitted = time.monotonic()
    known_user = np.where(test[0] < len(by_user), test[0], 0)
    known_song = np.where(test[1] < len(by_song), test[1], 0)
    score = mean + by_user[known_user] * (test[0] < len(by_user))
    score += by_song[known_song] * (test[1] < len(by_song))
    error = np.clip(score, 1, 5) - test[2]
    return _line("numpy, one process", loaded - started, fitted - loaded, iterations, error)


def alternated(
    users: Ints, songs: Ints, stars: Floats, chosen: Bias
) -> tuple[float, Floats, Floats, int]:
    """Mean, offsets by user id and by song id, and the number of iterations."""
    mean = float(stars.mean(dtype=np.float64))
    rest = stars - np.float32(mean)
    user_counts, song_counts = np.bincount(users), np.bincount(songs)
    user_weights = user_counts + chosen.user_damping
    song_weights = song_counts + chosen.song_damping
    damping = chosen.user_damping, chosen.song_damping
    by_song, move, iterations = np.zeros(len(song_weights)), np.inf, 0
    while move > chosen.tolerance and iterations < chosen.max_iterations:
        by_user = np.bincount(users, rest - by_song[songs]) / np.maximum(user_weights, 1)
        new = np.bincount(songs, rest - by_user[users]) / np.maximum(song_weights, 1)
        shift = bias.shift(new, by_user.sum(), np.count_nonzero(user_counts), *damping)
        new -= np.where(song_counts, shift, 0)
        move, by_song, iterations = float(np.abs(new - by_song).max()), new, iterations + 1
    by_user = np.bincount(users, rest - by_song[songs]) / np.maximum(user_weights, 1)
    return mean, by_user, by_song, iterations


def _line(what: str, load: float, fit: float, iterations: int, error: Floats) -> Line:
    return {
        "what": what,
        "load_seconds": round(load, 2),
        "fit_seconds": round(fit, 2),
        "iterations": iterations,
        "test_mse": round(float(np.mean(error**2, dtype=np.float64)), 4),
    }
