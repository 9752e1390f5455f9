"""Fitted models as frames: to their tables and back, and rows scored in bulk by Spark."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from ymr_spark import schemas
from ymr_spark.models.factors import FactorModel, Floats, Ints


def to_frames(spark: SparkSession, model: FactorModel) -> tuple[DataFrame, DataFrame]:
    """The model's users and songs: one row per id, as in schemas.USER_FACTORS, SONG_FACTORS."""
    users = _to_arrow("user_id", model.user_ids, model.user_offsets, model.user_factors)
    songs = _to_arrow("song_id", model.song_ids, model.song_offsets, model.song_factors)
    return (
        spark.createDataFrame(users, schemas.USER_FACTORS),
        spark.createDataFrame(songs, schemas.SONG_FACTORS),
    )


def from_frames(
    name: str, mean: float, bounds: tuple[float, float], users: DataFrame, songs: DataFrame
) -> FactorModel:
    """The model whose tables these are."""
    return FactorModel(name, mean, *_from_frame(users), *_from_frame(songs), *bounds)


def predict(rows: DataFrame, model: FactorModel, fallback: FactorModel | None) -> DataFrame:
    """One schemas.PREDICTIONS row per (split, user_id, song_id) of `rows`.

    Rows whose user or song the model does not know are scored by `fallback` and flagged.
    """
    broadcast = rows.sparkSession.sparkContext.broadcast((model, fallback))

    def score(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        first, second = broadcast.value
        for batch in batches:
            users, songs = (batch.column(c).to_numpy() for c in ("user_id", "song_id"))
            stars, known = first.predict(users, songs)
            if second is not None:
                stars = np.where(known, stars, second.predict(users, songs)[0])
            columns = [batch.column(c) for c in ("split", "user_id", "song_id")]
            columns += [pa.array(stars, pa.float64()), pa.array(~known)]
            yield pa.RecordBatch.from_arrays(columns, scored.fieldNames())

    scored = T.StructType(schemas.PREDICTIONS.fields[1:])
    keys = rows.select("split", "user_id", "song_id")
    return keys.mapInArrow(score, scored).select(F.lit(model.name).alias("model"), "*")


def _to_arrow(key: str, ids: Ints, offsets: Floats, factors: Floats) -> pa.Table:
    rank = factors.shape[1]
    bounds = np.arange(len(ids) + 1, dtype=np.int32) * np.int32(rank)
    values = pa.array(np.ascontiguousarray(factors, np.float32).ravel())
    return pa.table(
        {
            key: pa.array(ids, pa.int32()),
            "offset": pa.array(offsets, pa.float64()),
            "factors": pa.ListArray.from_arrays(pa.array(bounds), values),
        }
    )


def _from_frame(frame: DataFrame) -> tuple[Ints, Floats, Floats]:
    table = frame.toArrow().combine_chunks()
    ids = table.column(0).to_numpy()
    order = np.argsort(ids)
    factors = table.column("factors").combine_chunks()
    values = factors.flatten().to_numpy().astype(np.float32)
    offsets = table.column("offset").to_numpy()[order]
    return ids[order], offsets, values.reshape(len(ids), -1)[order]
