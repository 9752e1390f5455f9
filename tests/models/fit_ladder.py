"""Fit the classical models on a few ratings with a number of cores: fit_ladder.py CORES OUTPUT."""

import os
import sys
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

from ymr_spark.models.linear import als, bias, variational_bayes
from ymr_spark.models.neighbors import residuals, similarity
from ymr_spark.packing import by_song, by_user

BIAS = {"user_damping": 5.0, "song_damping": 5.0, "tolerance": 1e-6, "max_iterations": 20}
ALS = {"rank": 2, "regularization": 0.1, "iterations": 3, "blocks": 2, "checkpoint_interval": 5}


def fitted(spark: SparkSession, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What a model predicts from, by model."""
    frame = spark.createDataFrame(rows.tolist(), "user_id int, song_id int, rating tinyint")
    users, songs = by_user(frame), by_song(frame)
    base, _ = bias.fit(users, **BIAS)
    state = variational_bayes.begin(base, 2, seed=1)
    further = variational_bayes.iterations(users, songs, base.mean, state)
    state = [next(further) for _ in range(3)][-1]
    candidates = residuals.of_songs(songs, base, base.song_ids)
    near = similarity.fit(songs, base, candidates, 10.0, 2, 5).orderBy("song_id").collect()
    plain = als.fit(frame, **ALS, seed=1)
    return {
        "bias": np.r_[base.user_offsets, base.song_offsets],
        "latent_factor": np.r_[state.users.means, state.songs.means],
        "similarity": np.concatenate([row.similarities for row in near]),
        "als": plain.user_factors @ plain.song_factors.T,
    }


def main(cores: str, output: Path) -> None:
    # The later --master wins over that of the file.
    arguments = f"--properties-file tests/spark.conf --master local[{cores}] pyspark-shell"
    os.environ["PYSPARK_SUBMIT_ARGS"] = arguments
    spark = SparkSession.builder.getOrCreate()
    random = np.random.default_rng(3)
    pairs = np.argwhere(random.random((60, 40)) < 0.4)
    rows = np.c_[pairs, random.integers(1, 6, len(pairs))]
    np.savez(output, **fitted(spark, rows))
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
