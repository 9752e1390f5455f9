"""Tiny frames and planted ratings for tests."""

from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from ymr_spark import schemas
from ymr_spark.models.factors import FactorModel
from ymr_spark.recommendation.catalogue import Catalogue

CATALOGUE = Catalogue(
    song_ids=np.array([10, 20, 30, 40]),
    artist_ids=np.array([1, 1, 2, 3]),
    genre_ids=np.array([0, 111, 2, 1]),
    ratings=np.array([1, 10, 100, 1000]),
    stars=np.array([5, 40, 300, 2000]),
)


def table(spark: SparkSession, name: str, rows: list[tuple[Any, ...]]) -> DataFrame:
    """Rows in the column order of the table's schema."""
    return spark.createDataFrame(rows, schemas.TABLES[name])


def ratings(
    spark: SparkSession, rows: list[tuple[int, int, int]], split: str = "train"
) -> DataFrame:
    """(user_id, song_id, rating) rows of one split of part 0."""
    return table(spark, "ratings", [(*row, split, 0) for row in rows])


def dense_ratings(users: int, songs: int, share: float, seed: int) -> np.ndarray:
    """(n, 3) user, song and rating 1..5 of a random share of all pairs, every user and song
    at least once."""
    random = np.random.default_rng(seed)
    chosen = random.random((users, songs)) < share
    chosen[np.arange(users), np.arange(users) % songs] = True
    chosen[np.arange(songs) % users, np.arange(songs)] = True
    pairs = np.argwhere(chosen)
    return np.c_[pairs, random.integers(1, 6, len(pairs))]


def flat_model(mean: float, users: int, songs: int) -> FactorModel:
    """A bias model without offsets: what it leaves of a rating is the rating less the mean."""
    return FactorModel(
        "bias",
        mean,
        np.arange(users, dtype=np.int32),
        np.zeros(users),
        np.empty((users, 0), np.float32),
        np.arange(songs, dtype=np.int32),
        np.zeros(songs),
        np.empty((songs, 0), np.float32),
    )
