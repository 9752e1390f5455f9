"""User-based neighbours by Pearson correlation beside the item-based ones, on a sample.

    python bench/user_similarity.py --conf conf/sample.yaml [--set KEY=VALUE ...]

needs the tables ratings, bias_* and predictions of `similarity`. All pairs of users are kept in
dense matrices, so it is for thousands of users, not for R2. With x, y the ratings of the songs
that u and v both rated, sim(u, v) = n / (n + shrinkage) · pearson(x, y); a rating is predicted
as a base plus the weighted mean, over the `neighbors` users nearest to u who rated the song, of
what their ratings leave of their base. The base is the user's mean (Resnick et al. 1994) or the
bias model. Hyperparameters are chosen on validation; one JSON line a variant has the test MSE.
"""

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.pipeline import publication, settings_file
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.runtime import session

_SHRINKAGE = (10, 50, 200)
_NEIGHBORS = (50, 200, 1_000)
_DAMPING = (0.0, 0.5, 2.0)
_MIN_OVERLAP = 3
Split = tuple[Ints, Ints, Floats]


def pearson(stars: Floats, rated: Floats) -> tuple[Floats, Floats]:
    """(users, users) correlations over common songs, 0 where undefined, and their numbers."""
    n = rated @ rated.T
    sums, squares = stars @ rated.T, (stars * stars) @ rated.T
    covariance = n * (stars @ stars.T) - sums * sums.T
    variance = n * squares - sums**2
    scale = np.sqrt(variance * variance.T)
    return np.divide(covariance, scale, out=np.zeros_like(n), where=scale > 1e-3), n


def nearest(correlation: Floats, n: Floats, shrinkage: float, count: int) -> Floats:
    """Shrunk similarities of each user's nearest ones, 0 for the others."""
    near = np.where(n >= _MIN_OVERLAP, correlation * n / (n + shrinkage), 0)
    np.fill_diagonal(near, 0)
    if count < len(near):
        cut = np.partition(np.abs(near), -count, axis=1)[:, -count, None]
        near[np.abs(near) < cut] = 0
    return near.astype(np.float32)


def choose(
    validation: Split, test: Split, base: Floats, stars: Floats, rated: Floats
) -> dict[str, Any]:
    """The hyperparameters of least validation MSE, with the test MSE.

    Args:
        base: (users, songs) what is predicted without neighbours.
        stars, rated: (users, songs) train ratings, 0 where none, and 1 where there is one.
    """
    left = (stars - base) * rated
    correlation, n = pearson(stars, rated)
    tried = []
    for shrinkage, count in itertools.product(_SHRINKAGE, _NEIGHBORS):
        near = nearest(correlation, n, shrinkage, count)
        sums, sizes = near @ left, np.abs(near) @ rated
        for damping in _DAMPING:
            shift = np.divide(sums, sizes + damping, out=np.zeros_like(sums), where=sizes > 1e-6)
            predicted = np.clip(base + shift, 1, 5)
            errors = [
                float(np.mean((predicted[users, songs] - truth) ** 2))
                for users, songs, truth in (validation, test)
            ]
            tried.append((*errors, shrinkage, count, damping))
    names = ("validation_mse", "test_mse", "shrinkage", "neighbors", "damping")
    return dict(zip(names, min(tried), strict=True))


def variants(spark: SparkSession, warehouse: Warehouse) -> None:
    """Print both variants' lines, and the item-based model's."""
    bias = publication.load_chosen(warehouse, "bias")
    splits = {name: _split(spark, warehouse, name) for name in ("train", "validation", "test")}
    users = 1 + max(int(split[0].max()) for split in splits.values())
    songs = 1 + max(int(split[1].max()) for split in splits.values())
    stars = np.zeros((users, songs), np.float32)
    stars[splits["train"][0], splits["train"][1]] = splits["train"][2]
    rated = (stars > 0).astype(np.float32)
    means = stars.sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    bases = {"user mean": means[:, None] + 0 * stars, "bias model": _scores(bias, users, songs)}
    for name, base in bases.items():
        started = time.monotonic()
        best = choose(splits["validation"], splits["test"], base, stars, rated)
        seconds = round(time.monotonic() - started, 1)
        print(json.dumps({"what": f"user-based, {name}", **best, "seconds_of_search": seconds}))
    print(json.dumps({"what": "item-based", **published(spark, warehouse, "similarity")}))
    print(json.dumps({"what": "bias model", **published(spark, warehouse, "bias")}))


def published(spark: SparkSession, warehouse: Warehouse, model: str) -> dict[str, Any]:
    """Validation and test MSE of a model's predictions in the warehouse."""
    rows = warehouse.read(spark, "predictions").where(F.col("model") == model)
    truth = warehouse.read(spark, "ratings").drop("part")
    error = F.col("prediction") - F.col("rating")
    joined = rows.join(truth, ["split", "user_id", "song_id"], how="inner")
    found = joined.groupBy("split").agg(F.avg(error * error).alias("mse")).orderBy("split")
    return {f"{row['split']}_mse": row["mse"] for row in found.collect()}


def _split(spark: SparkSession, warehouse: Warehouse, name: str) -> Split:
    rows = warehouse.read(spark, "ratings").where(F.col("split") == name)
    table = rows.select("user_id", "song_id", "rating").toArrow()
    users, songs, stars = (column.to_numpy() for column in table.columns)
    return users, songs, stars.astype(np.float32)


def _scores(bias: FactorModel, users: int, songs: int) -> Floats:
    pairs = np.indices((users, songs)).reshape(2, -1)
    scores: Floats = bias.score(*pairs)[0].reshape(users, songs).astype(np.float32)
    return scores


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--conf", type=Path, required=True)
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = arguments.parse_args()
    chosen = settings_file.load(options.conf, options.set)
    spark = session.build("bench user similarity", chosen.spark_defaults)
    variants(spark, Warehouse(chosen.warehouse, chosen.raw.folder))
    spark.stop()


if __name__ == "__main__":
    main()
