"""Held-out rows and predictions through `scan`, as the job does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from builders import ratings, table
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark.evaluation import scan
from ymr_spark.evaluation.slicing import Slicing, Slicings, by_count
from ymr_spark.sources.r2.scale import R2

# Users 1 and 2 have 5 and 40 train ratings, songs 10 and 11 have 3 and 200.
CUTS = Slicings(
    (by_count("activity", np.array([1, 2]), np.array([5, 40])),),
    (
        by_count("popularity", np.array([10, 11]), np.array([3, 200])),
        Slicing("genre", ("Unknown", "Rock"), np.array([10, 11]), np.array([0, 1])),
    ),
    R2,
)
Keys = list[tuple[int, int]]


def held_out(
    spark: SparkSession, rows: list[tuple[int, int, int]], *splits: str, floor: float | None = None
) -> DataFrame:
    """The same rows in each of the splits (test only, if none is named)."""
    frames = [ratings(spark, rows, split) for split in splits or ("test",)]
    together = frames[0] if len(frames) == 1 else frames[0].unionAll(frames[1])
    return together.withColumn("floor", F.lit(floor).cast("float"))


def predictions(
    spark: SparkSession, model: str, split: str, keys: Keys, stars: Sequence[float | None]
) -> DataFrame:
    """The second of them is flagged as fallback."""
    rows = [
        (model, split, *key, s, i == 1, "aa")
        for i, (key, s) in enumerate(zip(keys, stars, strict=True))
    ]
    return table(spark, "predictions", rows)


@dataclass(frozen=True)
class Rows:
    """A frame as `scan` takes it."""

    frame: DataFrame

    def map(self, kernel: Any, schema: str) -> DataFrame:
        return self.frame.mapInArrow(kernel, schema)


def sums(
    predicted: DataFrame, held: DataFrame, *models: str, cuts: Slicings = CUTS
) -> list[scan.Sums]:
    known = held.where("split = 'test' AND floor IS NOT NULL")
    floors = Rows(known.select("user_id", "song_id", F.col("floor").alias("variance")))
    return scan.sums(Rows(predicted), Rows(held), models, 6, cuts, floors)
