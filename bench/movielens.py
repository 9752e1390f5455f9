"""RMSE on MovieLens-100K by 5-fold cross-validation: `python bench/movielens.py`.

The folds are random over ratings, as Surprise's published figures have them: 0.944 for its
baseline, 0.931 for kNN-baseline, 0.934 for SVD, 0.919 for SVD++.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.models.arrays import Ints
from ymr_spark.models.held_out import HeldOut
from ymr_spark.models.linear.bias import Bias
from ymr_spark.models.linear.latent_factor import LatentFactor
from ymr_spark.models.neighbors.similarity import Similarity
from ymr_spark.runtime import session
from ymr_spark.sources import movielens
from ymr_spark.split import validation_rows

FOLDS, SEED = 5, 1
COLUMNS: dict[str, Any] = {"userCol": "user_id", "itemCol": "song_id", "seed": SEED}
BIAS = Bias(userDamping=5.0, songDamping=3.0, tol=1e-4, maxIter=50, **COLUMNS)
LATENT_FACTOR = LatentFactor(rank=20, maxIter=40, **COLUMNS)
# Every film may be a neighbour.
SIMILARITY = Similarity(shrinkage=100, minOverlap=3, neighbors=500, damping=0.5, **COLUMNS)


def ratings() -> Ints:
    """(100000, 3): user, film, stars."""
    rows = movielens.rows(movielens.fetch(Path("build/downloads"))).astype(np.int32)
    # The order that the folds are drawn over.
    last = validation_rows(rows[:, 0], rows[:, 1], 10, 0.5, SEED)
    return rows[np.argsort(last, kind="stable")]


def scored(spark: SparkSession, train: Ints, test: HeldOut) -> dict[str, float]:
    """Squared errors' mean on the test rows, by model."""
    columns = "user_id int, song_id int, rating tinyint"
    ratings = BIAS.ratings_of(spark.createDataFrame(train.tolist(), columns))
    base = BIAS.fit_ratings(ratings)
    factors = LATENT_FACTOR.setFallback(base).fit_ratings(ratings)
    neighbors = SIMILARITY.setFallback(base).fit_ratings(ratings)
    asked = spark.createDataFrame(np.c_[test.columns].tolist(), columns)
    error = F.col("prediction") - F.col("rating")
    [(mse,)] = neighbors.transform(asked).agg(F.avg(error * error)).collect()
    ratings.unpersist()
    errors = {"bias": test.mse(base.scorer), "latent_factor": test.mse(factors.scorer)}
    return errors | {"similarity": float(mse)}


def main() -> None:
    spark = session.build("bench movielens", Path("conf/sample-spark.conf"))
    rows = ratings()
    fold = np.random.default_rng(SEED).permutation(len(rows)) % FOLDS
    folds = [scored(spark, rows[fold != k], HeldOut(*rows[fold == k].T)) for k in range(FOLDS)]
    for name in folds[0]:
        by_fold = [float(np.sqrt(f[name])) for f in folds]
        print(
            json.dumps(
                {
                    "model": name,
                    "rmse": round(float(np.mean(by_fold)), 4),
                    "folds": [round(value, 4) for value in by_fold],
                }
            )
        )
    spark.stop()


if __name__ == "__main__":
    main()
