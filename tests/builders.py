"""Tiny frames and planted ratings for tests."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from ymr_spark import schemas
from ymr_spark.lists.catalogue import Catalogue
from ymr_spark.models.arrays import Ints
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.ratings import with_scale
from ymr_spark.scale import Scale
from ymr_spark.sources.r2.scale import R2

Fitted = TypeVar("Fitted", bound=RatingModel[Any])
CATALOGUE = Catalogue(
    song_ids=np.array([10, 20, 30, 40]),
    artist_ids=np.array([1, 1, 2, 3]),
    genre_ids=np.array([0, 111, 2, 1]),
    ratings=np.array([1, 10, 100, 1000]),
    stars=np.array([5, 40, 300, 2000]),
)


def table(
    spark: SparkSession, name: str, rows: Sequence[tuple[Any, ...]], scale: Scale = R2
) -> DataFrame:
    """Rows in the column order of the table's schema; ratings have the scale."""
    schema = schemas.TABLES[name]
    real = [field.dataType.typeName() in ("float", "double") for field in schema]
    rows = [
        tuple(float(v) if r and v is not None else v for r, v in zip(real, row, strict=True))
        for row in rows
    ]
    frame = spark.createDataFrame(rows, schema)
    return with_scale(frame, scale) if name == "ratings" else frame


def ratings(
    spark: SparkSession,
    rows: Sequence[tuple[int, int, float | None]],
    split: str = "train",
    scale: Scale = R2,
) -> DataFrame:
    """(user_id, song_id, rating) rows of one split of part 0."""
    return table(spark, "ratings", [(*row, split, 0) for row in rows], scale)


def dense_ratings(users: int, songs: int, share: float, seed: int) -> Ints:
    """(n, 3) user, song and rating 1..5 of a random share of all pairs, every user and song
    at least once."""
    random = np.random.default_rng(seed)
    chosen = random.random((users, songs)) < share
    chosen[np.arange(users), np.arange(users) % songs] = True
    chosen[np.arange(songs) % users, np.arange(songs)] = True
    pairs = np.argwhere(chosen)
    found: Ints = np.c_[pairs, random.integers(1, 6, len(pairs))]
    return found


def flat_model(mean: float, users: int, songs: int) -> FactorModel:
    """A bias model without offsets: what it leaves of a rating is the rating less the mean."""
    of_users, of_songs = ((np.arange(n, dtype=np.int32), np.zeros(n)) for n in (users, songs))
    return FactorModel.of_offsets("bias", mean, of_users, of_songs, R2)


def of_table(model: Fitted, fallback: RatingModel[Any] | None = None) -> Fitted:
    """The model with the columns of the table of ratings, as jobs/train.py fits it."""
    model.fallback = fallback
    columns = {"userCol": "user_id", "itemCol": "song_id", "ratingCol": "rating"}
    found: Fitted = model._set(**columns, predictionCol="prediction", fallbackCol="fallback")
    return found


def noisy_taste(users: int, songs: int) -> list[tuple[int, int, int]]:
    """Half of all pairs, rated by one taste and as much noise: (user, song, stars)."""
    random = np.random.default_rng(1)
    taste = np.outer(random.normal(0, 1, users), random.normal(0, 1, songs))
    stars = np.clip(np.rint(3 + taste + random.normal(0, 1, taste.shape)), 1, 5).astype(int)
    pairs = np.argwhere(random.random(taste.shape) < 0.5).tolist()
    return [(user, song, int(stars[user, song])) for user, song in pairs]
