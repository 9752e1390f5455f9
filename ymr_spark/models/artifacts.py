"""Fitted models as frames: to their tables and back, and rows scored in bulk by Spark."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from ymr_spark import schemas
from ymr_spark.models.factors import FactorModel, Flags, Floats, Ints, Link
from ymr_spark.models.mlp import MlpModel

Model = TypeVar("Model", bound=FactorModel | MlpModel)
Scale = tuple[float, float, Link]  # lowest and highest stars, and how scores are brought there


def tables(spark: SparkSession, model: FactorModel | MlpModel) -> dict[str, DataFrame]:
    """All of a model's tables; the keys are the parts of their names after the model's."""
    if isinstance(model, MlpModel):
        return _mlp_tables(spark, model)
    return dict(zip(("users", "songs"), to_frames(spark, model), strict=True))


def to_frames(spark: SparkSession, model: FactorModel) -> tuple[DataFrame, DataFrame]:
    """The model's users and songs: one row per id, as in schemas.USER_FACTORS, SONG_FACTORS."""
    users = _to_arrow("user_id", model.user_ids, model.user_offsets, model.user_factors)
    songs = _to_arrow("song_id", model.song_ids, model.song_offsets, model.song_factors)
    return (
        spark.createDataFrame(users, schemas.USER_FACTORS),
        spark.createDataFrame(songs, schemas.SONG_FACTORS),
    )


def from_frames(
    name: str, mean: float, scale: Scale, users: DataFrame, songs: DataFrame
) -> FactorModel:
    """The model whose tables these are."""
    return FactorModel(name, mean, *_from_frame(users), *_from_frame(songs), *scale)


def mlp_from_frames(
    name: str,
    mean: float,
    scale: Scale,
    users: DataFrame,
    songs: DataFrame,
    layers: DataFrame,
) -> MlpModel:
    """The model whose tables these are."""
    embeddings = (*_embeddings(users), *_embeddings(songs))
    rows = layers.orderBy("layer").collect()
    biases = [np.array(row["bias"], np.float32) for row in rows]
    kernels = [
        np.array(row["kernel"], np.float32).reshape(-1, len(bias))
        for row, bias in zip(rows, biases, strict=True)
    ]
    return MlpModel(name, mean, *embeddings, tuple(zip(kernels, biases, strict=True)), *scale)


def predict(
    rows: DataFrame, model: FactorModel | MlpModel, fallback: FactorModel | None
) -> DataFrame:
    """One schemas.PREDICTIONS row per (split, user_id, song_id) of `rows`.

    Rows whose user or song the model does not know are flagged, and scored by `fallback` where
    there is one.
    """
    broadcast = rows.sparkSession.sparkContext.broadcast((model, fallback))

    def score(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        first, second = broadcast.value
        for batch in batches:
            users, songs = (batch.column(c).to_numpy() for c in ("user_id", "song_id"))
            stars, known = predicted(first, second, users, songs)
            columns = [batch.column(c) for c in ("split", "user_id", "song_id")]
            columns += [pa.array(stars, pa.float64()), pa.array(~known)]
            yield pa.RecordBatch.from_arrays(columns, scored.fieldNames())

    scored = T.StructType(schemas.PREDICTIONS.fields[1:])
    keys = rows.select("split", "user_id", "song_id")
    return keys.mapInArrow(score, scored).select(F.lit(model.name).alias("model"), "*")


def predicted(
    model: FactorModel | MlpModel, fallback: FactorModel | None, users: Ints, songs: Ints
) -> tuple[Floats, Flags]:
    """Stars (pairs,), of the fallback where `model` does not know the pair; and where it does."""
    stars, known = model.predict(users, songs)
    if fallback is not None:
        stars = np.where(known, stars, fallback.predict(users, songs)[0])
    return stars, known


def only(model: Model, user_ids: Ints, song_ids: Ints) -> Model:
    """The same model, that knows no other users and songs than these."""
    known = {
        "user_": np.isin(model.user_ids, user_ids),
        "song_": np.isin(model.song_ids, song_ids),
    }
    kept = {
        field.name: getattr(model, field.name)[rows]
        for field in fields(model)
        for side, rows in known.items()
        if field.name.startswith(side)
    }
    return replace(model, **kept)


def stars(score: Column, model: FactorModel) -> Column:
    """The prediction in stars of a score by `model`."""
    if model.link == "clip":
        return F.greatest(F.least(score, F.lit(model.highest)), F.lit(model.lowest))
    return model.lowest + (model.highest - model.lowest) / (1 + F.exp(-score))


def _to_arrow(key: str, ids: Ints, offsets: Floats, factors: Floats) -> pa.Table:
    return pa.table(
        {
            key: pa.array(ids, pa.int32()),
            "offset": pa.array(offsets, pa.float64()),
            "factors": _lists(factors),
        }
    )


def _lists(values: Floats) -> pa.ListArray:
    """The rows of (n, columns)."""
    bounds = np.arange(len(values) + 1, dtype=np.int32) * np.int32(values.shape[1])
    flat = pa.array(np.ascontiguousarray(values, np.float32).ravel())
    return pa.ListArray.from_arrays(pa.array(bounds), flat)


def _from_frame(frame: DataFrame) -> tuple[Ints, Floats, Floats]:
    table = frame.toArrow().combine_chunks()
    ids = table.column(0).to_numpy()
    order = np.argsort(ids)
    offsets = table.column("offset").to_numpy()[order]
    return ids[order], offsets, _rows(table.column("factors"))[order]


def _rows(lists: pa.ChunkedArray) -> Floats:
    """(n, columns) of lists of equal length."""
    values: Floats = lists.combine_chunks().flatten().to_numpy().astype(np.float32)
    return values.reshape(len(lists), -1)


def _mlp_tables(spark: SparkSession, model: MlpModel) -> dict[str, DataFrame]:
    users, songs = (
        pa.table({key: pa.array(ids, pa.int32()), "embedding": _lists(values)})
        for key, ids, values in (
            ("user_id", model.user_ids, model.user_embeddings),
            ("song_id", model.song_ids, model.song_embeddings),
        )
    )
    layers = [
        (number, kernel.ravel().tolist(), bias.tolist())
        for number, (kernel, bias) in enumerate(model.layers, start=1)
    ]
    return {
        "users": spark.createDataFrame(users, schemas.USER_EMBEDDINGS),
        "songs": spark.createDataFrame(songs, schemas.SONG_EMBEDDINGS),
        "layers": spark.createDataFrame(layers, schemas.MLP_LAYERS),
    }


def _embeddings(frame: DataFrame) -> tuple[Ints, Floats]:
    table = frame.toArrow().sort_by(frame.columns[0])
    return table.column(0).to_numpy(), _rows(table.column("embedding"))
