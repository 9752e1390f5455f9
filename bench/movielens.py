"""RMSE on MovieLens-100K by 5-fold cross-validation: `python bench/movielens.py`.

The folds are random over ratings, as Surprise's published figures have them: 0.944 for its
baseline, 0.931 for kNN-baseline, 0.934 for SVD, 0.919 for SVD++.
"""

import json
from pathlib import Path

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark import session
from ymr_spark.models import bias, latent_factor, neighborhood, residuals, similarity
from ymr_spark.models.blocks import song_blocks, user_blocks
from ymr_spark.models.factors import FactorModel
from ymr_spark.models.latent_factor_training import Rows
from ymr_spark.r2 import movielens

FOLDS, SEED = 5, 1
BIAS = {"user_damping": 5.0, "song_damping": 3.0, "tolerance": 1e-4, "max_iterations": 50}
SIMILARITY = {"shrinkage": 100.0, "min_overlap": 3, "neighbors": 500}
DAMPING = 0.5
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
    errors = {name: test.mse(model) for name, model in models.items()}
    errors["similarity"] = by_similarity(spark, songs, base, test)
    users.unpersist()
    songs.unpersist()
    return errors


def by_similarity(spark: SparkSession, songs: DataFrame, base: FactorModel, test: Rows) -> float:
    """Every film may be a neighbour."""
    everything = residuals.of_songs(songs, base, base.song_ids)
    near = similarity.fit(songs, base, everything, **SIMILARITY)
    columns = np.c_[test.users, test.songs, test.stars].tolist()
    asked = spark.createDataFrame(columns, "user_id int, song_id int, rating int").withColumn(
        "split", F.lit("test")
    )
    scored = neighborhood.predict(asked, near, everything, base, DAMPING)
    error = F.col("prediction") - F.col("rating")
    both = scored.join(asked, ["split", "user_id", "song_id"], how="inner")
    return float(both.agg(F.avg(error * error)).first()[0])


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
