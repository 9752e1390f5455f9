"""The one place that scores given pairs by a published model of any form."""

import json
from collections.abc import Mapping

import numpy as np
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from ymr_spark import publication
from ymr_spark.models import neighborhood
from ymr_spark.models.artifacts import predicted
from ymr_spark.models.factors import FactorModel, Flags, Floats, Ints, find
from ymr_spark.models.residuals import Residuals
from ymr_spark.warehouse import Warehouse


def stars(
    spark: SparkSession,
    warehouse: Warehouse,
    registered: Row,
    factors: Mapping[str, FactorModel],
    users: Ints,
    songs: Ints,
) -> tuple[Floats, Flags]:
    """Predictions (pairs,) as the model's training job publishes them for held-out rows.

    Args:
        registered: the schemas.MODELS row of the model.
        factors: loaded models, itself and its fallback among them where they are of that form.

    Returns:
        Stars, and where they are the model's own: the others are its fallback's.
    """
    name, fallback = registered["model"], factors.get(registered["fallback"])
    if name == "similarity" and fallback is not None:
        damping = json.loads(registered["parameters"])["damping"]
        return _by_neighbors(spark, warehouse, fallback, damping, users, songs)
    if name == "two_tower_mlp":
        return predicted(publication.load_mlp(spark, warehouse), fallback, users, songs)
    return predicted(factors[name], fallback, users, songs)


def ratings_of(ratings: DataFrame, users: Ints) -> DataFrame:
    """All rows of these users; the table's files are by users, so that few of them are read."""
    return ratings.where(F.col("user_id").isin(np.unique(users).tolist()))


def _by_neighbors(
    spark: SparkSession,
    warehouse: Warehouse,
    bias: FactorModel,
    damping: float,
    users: Ints,
    songs: Ints,
) -> tuple[Floats, Flags]:
    table = warehouse.read(spark, "similarity_neighbors")
    near = table.where(F.col("song_id").isin(np.unique(songs).tolist())).toArrow()
    lists = near.column("neighbor_ids").combine_chunks()
    candidates = np.unique(lists.flatten().to_numpy(zero_copy_only=False))
    train = warehouse.read(spark, "ratings").where(F.col("split") == "train")
    residuals = _residuals(ratings_of(train, users), bias, candidates)
    found, fallback = neighborhood.stars(users, songs, near, residuals, bias, damping)
    return found, ~fallback


def _residuals(rows: DataFrame, bias: FactorModel, candidates: Ints) -> Residuals:
    """Of all rows on the candidates; users of the bias model that have none are empty rows."""
    table = rows.select("user_id", "song_id", "rating").toArrow()
    users, songs, ratings = (column.to_numpy() for column in table.columns)
    song, chosen = find(candidates, songs) if len(candidates) else (songs, songs < 0)
    user, _ = find(bias.user_ids, users)
    left = (ratings - bias.score(users, songs)[0]).astype(np.float32)
    shape = len(bias.user_ids), len(candidates)
    matrix = csr_matrix((left[chosen], (user[chosen], song[chosen])), shape=shape)
    return Residuals(bias.user_ids, candidates, matrix)
