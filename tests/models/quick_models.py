"""Every registered model, small enough to fit in a moment: quick_models.py CORES OUTPUT."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from ymr_spark.models import registry
from ymr_spark.models.estimator import RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.registry import Entry
from ymr_spark.ratings import with_scale
from ymr_spark.scale import Scale

SCALE = Scale(0.5, 5.0, 0.5)
COLUMNS = {"userCol": "who", "itemCol": "what", "ratingCol": "stars"}
QUICK = {"maxEpochs": 2, "batchSize": 128, "maxIter": 3, "rank": 2, "dimension": 2}
FAR = 10**12  # more than 32 bits


def estimator(entry: Entry, **params: Any) -> RatingEstimator[Any]:
    kind = registry.imported(entry.estimator)
    known = {name: value for name, value in QUICK.items() if kind().hasParam(name)}
    found: RatingEstimator[Any] = kind(**(COLUMNS | known | params))
    return found


def ratings(spark: SparkSession) -> DataFrame:
    """Half stars of 40 users, who have names, for 30 items with large ids."""
    random = np.random.default_rng(7)
    users, items = random.normal(size=(40, 2)), random.normal(size=(30, 2))
    pairs = np.argwhere(random.random((40, 30)) < 0.5)
    stars = 3 + np.einsum("nf,nf->n", users[pairs[:, 0]], items[pairs[:, 1]])
    rows = [
        (f"user {u}", int(FAR + i), float(np.clip(np.round(2 * s) / 2, 0.5, 5)), bool(n % 9 == 0))
        for n, ((u, i), s) in enumerate(zip(pairs, stars, strict=True))
    ]
    frame = spark.createDataFrame(rows, "who string, what bigint, stars double, later boolean")
    return with_scale(frame, SCALE, "stars")


def main(cores: int, output: Path) -> None:
    """What each model predicts, fitted with so many cores."""
    # All that this process starts inherits it.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    # The later --master wins over that of the file.
    arguments = f"--properties-file tests/spark.conf --master local[{cores}] pyspark-shell"
    os.environ["PYSPARK_SUBMIT_ARGS"] = arguments
    spark = SparkSession.builder.getOrCreate()
    rows = ratings(spark).cache()
    fitted: dict[str, RatingModel[Any]] = {}
    shared = estimator(registry.MODELS[0], validationIndicatorCol="later").ratings_of(rows)
    for entry in registry.MODELS:
        unfitted = estimator(entry, validationIndicatorCol="later")
        if entry.fallback:
            unfitted.setFallback(fitted[entry.fallback])
        fitted[entry.name] = unfitted.fit_ratings(shared)
    found = {
        name: model.transform(rows).orderBy("who", "what").toPandas()["prediction"]
        for name, model in fitted.items()
    }
    np.savez(output, **found)
    spark.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
