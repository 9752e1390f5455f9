"""Fitted models: to their tables and back, and rows scored in bulk by Spark."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from ymr_spark import schemas
from ymr_spark.models.factors import FactorModel, Flags, Floats, Ints, Link
from ymr_spark.models.mlp import MlpModel

Model = TypeVar("Model", bound=FactorModel | MlpModel)
Scale = tuple[float, float, Link]  # lowest and highest stars, and how scores are brought there


def tables(model: FactorModel | MlpModel) -> dict[str, pa.Table]:
    """All of a model's tables; the keys are the parts of their names after the model's."""
    if isinstance(model, MlpModel):
        return _mlp_tables(model)
    return {
        "users": _factors("user_id", model.user_ids, model.user_offsets, model.user_factors),
        "songs": _factors("song_id", model.song_ids, model.song_offsets, model.song_factors),
    }


def from_tables(
    name: str, mean: float, scale: Scale, users: pa.Table, songs: pa.Table
) -> FactorModel:
    """The model whose tables these are."""
    return FactorModel(name, mean, *_of_factors(users), *_of_factors(songs), *scale)


def mlp_from_tables(
    name: str, mean: float, scale: Scale, users: pa.Table, songs: pa.Table, layers: pa.Table
) -> MlpModel:
    """The model whose tables these are."""
    embeddings = (*_embeddings(users), *_embeddings(songs))
    rows = layers.sort_by("layer").to_pylist()
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


def _factors(key: str, ids: Ints, offsets: Floats, factors: Floats) -> pa.Table:
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


def _of_factors(table: pa.Table) -> tuple[Ints, Floats, Floats]:
    ids = table.column(0).to_numpy()
    order = np.argsort(ids)
    offsets = table.column("offset").to_numpy()[order]
    return ids[order], offsets, _rows(table.column("factors"))[order]


def _rows(lists: pa.ChunkedArray) -> Floats:
    """(n, columns) of lists of equal length."""
    values: Floats = lists.combine_chunks().flatten().to_numpy().astype(np.float32)
    return values.reshape(len(lists), -1)


def _mlp_tables(model: MlpModel) -> dict[str, pa.Table]:
    users, songs = (
        pa.table({key: pa.array(ids, pa.int32()), "embedding": _lists(values)})
        for key, ids, values in (
            ("user_id", model.user_ids, model.user_embeddings),
            ("song_id", model.song_ids, model.song_embeddings),
        )
    )
    layers = [
        {"layer": number, "kernel": kernel.ravel(), "bias": bias}
        for number, (kernel, bias) in enumerate(model.layers, start=1)
    ]
    return {"users": users, "songs": songs, "layers": pa.Table.from_pylist(layers)}


def _embeddings(table: pa.Table) -> tuple[Ints, Floats]:
    table = table.sort_by(table.column_names[0])
    return table.column(0).to_numpy(), _rows(table.column("embedding"))
