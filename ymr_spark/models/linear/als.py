"""Spark's ALS on the ratings as they are: score = p_u · q_s."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark.models import sections
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.estimator import HasCheckpointDir, RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear import by_other, triangles
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.packing import Block, Packed, flat, one_row
from ymr_spark.positions import Positions
from ymr_spark.ratings import scale_of


def fit(
    ratings: DataFrame,
    rank: int,
    regularization: float,
    iterations: int,
    blocks: int,
    checkpoint_interval: int,
    seed: int,
) -> FactorModel:
    """Factors of (user_id, song_id, rating) rows by alternating least squares.

    The rows must come out the same at every evaluation: read them from a table's version. ALS
    cuts its lineage only where the Spark context has a checkpoint directory.

    Args:
        regularization: times each user's and song's number of ratings (ALS-WR).
    """
    scale = scale_of(ratings)
    als = ALS(
        userCol="user_id",
        itemCol="song_id",
        ratingCol="rating",
        rank=rank,
        regParam=regularization,
        maxIter=iterations,
        numUserBlocks=blocks,
        numItemBlocks=blocks,
        checkpointInterval=checkpoint_interval,
        seed=seed,
    )
    fitted = als.fit(ratings.select("user_id", "song_id", F.col("rating").cast("float")))
    user_ids, users = _by_id(fitted.userFactors, rank)
    song_ids, songs = _by_id(fitted.itemFactors, rank)
    sides = (user_ids, np.zeros(len(user_ids)), users, song_ids, np.zeros(len(song_ids)), songs)
    return FactorModel("als", 0.0, *sides, scale)


def update(
    by_user: Packed, by_song: Packed, model: FactorModel, regularization: float
) -> FactorModel:
    """One further iteration, on ratings of which the factors have not seen all.

    Args:
        by_user, by_song: the same ratings, all of whose users the model knows.
    """
    song_ids, songs = _solved(by_song, model.user_ids, model.user_factors, regularization)
    user_ids, users = _solved(by_user, song_ids, songs, regularization)
    sides = (user_ids, np.zeros(len(user_ids)), users, song_ids, np.zeros(len(song_ids)), songs)
    return FactorModel(model.name, model.mean, *sides, model.scale)


def _solved(
    blocks: Packed, ids: Ints, factors: Floats, regularization: float
) -> tuple[Ints, Floats]:
    """The owners' ids, ascending, and the factors (owners, rank) of least squared error

    Σ (r - p · q)² + regularization · n |p|², n being the owner's number of ratings, given those of
    all others.
    """
    rank = factors.shape[1]
    rows, columns = triangles.places(rank)
    products = factors.take(rows, axis=1) * factors.take(columns, axis=1)
    shared = blocks.broadcast((Positions(ids), factors, products))

    def solve(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
        positions, factors, products = shared.value
        for block in blocks:
            values, places = block.ratings.astype(np.float32), positions.of(block.others)
            stars = by_other.matrix(block, values, places, len(factors))
            squares = triangles.full(by_other.ones(stars) @ products, rank).astype(np.float64)
            squares += (regularization * block.counts)[:, None, None] * np.eye(rank)
            found = np.linalg.solve(squares, (stars @ factors).astype(np.float64)[..., None])
            yield one_row(ids=block.owners, factors=found.astype(np.float32).ravel())

    table = blocks.map(solve, "ids array<int>, factors array<float>").toArrow()
    shared.destroy()
    owners = flat(table, "ids")
    order = np.argsort(owners)
    return owners[order], flat(table, "factors").reshape(-1, rank)[order]


def _by_id(factors: DataFrame, rank: int) -> tuple[Ints, Floats]:
    """(id, features) rows as ascending ids (n,) and factors (n, rank)."""
    table = factors.toArrow().sort_by("id")
    return table["id"].to_numpy(), flat(table, "features").reshape(-1, rank)


class AlsModel(LinearModel):
    """A fitted `Als`."""


class Als(RatingEstimator[AlsModel], HasCheckpointDir):
    """`pyspark.ml.recommendation.ALS` of the ratings as they are, with a fallback.

    It cuts its lineage where `checkpointDir` is given or the Spark context has one.
    """

    section = sections.Als

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> AlsModel:
        if self.isSet("checkpointDir"):
            context = ratings.train.sparkSession.sparkContext
            context.setCheckpointDir(self.getOrDefault("checkpointDir"))
        return AlsModel(fit(ratings.train, **settings, seed=self.getOrDefault("seed")))

    def update(self, chosen: AlsModel, ratings: TrainRatings) -> AlsModel:
        """One further iteration."""
        everything, penalty = ratings.with_validation, self.settings()["regularization"]
        model = update(everything.by_user, everything.by_song, chosen.scorer, penalty)
        return self._known(AlsModel(model), everything, self.fallback)
