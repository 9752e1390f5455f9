"""Spark's ALS: on raw ratings (`als`), and on what the bias model leaves (`latent_factor`)."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame

from ymr_spark.models.factors import FactorModel, Floats, Ints

_TARGETS = "user_id int, song_id int, target float"


def residuals(ratings: DataFrame, model: FactorModel) -> DataFrame:
    """(user_id, song_id, target): what of each rating the model's unbounded score leaves."""
    shared = ratings.sparkSession.sparkContext.broadcast(model)

    def subtract(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            users, songs, stars = (c.to_numpy() for c in batch.columns)
            target = stars - shared.value.score(users, songs)[0]
            yield pa.RecordBatch.from_arrays(
                [*batch.columns[:2], pa.array(target, pa.float32())],
                ["user_id", "song_id", "target"],
            )

    return ratings.select("user_id", "song_id", "rating").mapInArrow(subtract, _TARGETS)


def fit(
    targets: DataFrame,
    base: FactorModel,
    rank: int,
    regularization: float,
    iterations: int,
    blocks: int,
    checkpoint_interval: int,
    seed: int,
) -> FactorModel:
    """Factors of (user_id, song_id, target) by alternating least squares, added to `base`.

    `targets` must come out the same at every evaluation: read it from a table's version. ALS
    cuts its lineage only where the Spark context has a checkpoint directory.

    Args:
        base: gives the name, mean, offsets and bounds; its ids must cover the targets'.
        regularization: times each user's and song's number of ratings (ALS-WR).
    """
    als = ALS(
        userCol="user_id",
        itemCol="song_id",
        ratingCol="target",
        rank=rank,
        regParam=regularization,
        maxIter=iterations,
        numUserBlocks=blocks,
        numItemBlocks=blocks,
        checkpointInterval=checkpoint_interval,
        seed=seed,
    )
    fitted = als.fit(targets)
    return FactorModel(
        base.name,
        base.mean,
        base.user_ids,
        base.user_offsets,
        _aligned(fitted.userFactors, base.user_ids, rank),
        base.song_ids,
        base.song_offsets,
        _aligned(fitted.itemFactors, base.song_ids, rank),
        base.lowest,
        base.highest,
    )


def _aligned(factors: DataFrame, ids: Ints, rank: int) -> Floats:
    """(id, features) rows as a (len(ids), rank) array in the order of the ascending ids."""
    table = factors.toArrow().combine_chunks()
    values = table.column("features").combine_chunks().flatten().to_numpy()
    aligned = np.zeros((len(ids), rank), np.float32)
    aligned[np.searchsorted(ids, table.column("id").to_numpy())] = values.reshape(-1, rank)
    return aligned
