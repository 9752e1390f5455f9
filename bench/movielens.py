"""RMSE on MovieLens-100K by 5-fold cross-validation: `python bench/movielens.py`.

The folds are random over ratings, as Surprise's published figures have them: 0.944 for its
baseline, 0.931 for kNN-baseline, 0.934 for SVD, 0.919 for SVD++.
"""

import json
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

from ymr_spark import session
from ymr_spark.models import bias, latent_factor
from ymr_spark.models.blocks import song_blocks, user_blocks
from ymr_spark.models.factors import FactorModel
from ymr_spark.models.latent_factor_training import Rows
from ymr_spark.r2 import movielens

FOLDS, SEED = 5, 1
BIAS = {"user_damping": 5.0, "song_damping": 3.0, "tolerance": 1e-4, "max_iterations": 50}
RANK, ITERATIONS = 20, 40


def ratings() -> np.ndarray:
    """(100000, 3): user, film, stars."""
    files = movielens.convert(movielens.fetch(Path("build/downloads")), 10, SEED)
    text = files["train_0.txt"] + files["test_0.txt"]
    return np.array([line.split("\t") for line in text.splitlines()], np.int32)


def scored(spark: SparkSession, train: np.ndarray, test: Rows) -> dict[str, float]:
    """Squared errors' mean on the test rows, by model."""
    frame = spark.createDataFrame(train.tolist(), "user_id int, song_id int, rating tinyint")
    users, songs = user_blocks(frame), song_blocks(frame)
    base, _ = bias.fit(users, **BIAS)
    models: dict[str, FactorModel] = {"bias": base}
    for state in latent_factor.iterations(
        users, songs, base.mean, latent_factor.begin(base, RANK, SEED)
    ):
        if state.iteration == ITERATIONS:
            break
    models["latent_factor"] = latent_factor.factor_model("latent_factor", base.mean, state)
    users.unpersist()
    songs.unpersist()
    return {name: test.mse(model) for name, model in models.items()}


def main() -> None:
    spark = session.build("bench movielens", Path("conf/sample-spark.conf"))
    rows = ratings()
    fold = np.random.default_rng(SEED).permutation(len(rows)) % FOLDS
    folds = [scored(spark, rows[fold != k], Rows(*rows[fold == k].T)) for k in range(FOLDS)]
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
