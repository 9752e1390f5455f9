"""Dense indices for embeddings: 1..n in the order of the ids, 0 for what is unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

Ids = npt.NDArray[np.int32]

COLUMNS = {
    "user_id": "int",
    "song_id": "int",
    "rating": "tinyint",
    "user_index": "int",
    "song_index": "int",
    "album_index": "int",
    "artist_index": "int",
    "genre_index": "int",
    "top_genre_index": "int",
    "level": "int",  # of the genre; 0 where unknown
}
_ATTRIBUTES = ("album", "artist", "genre", "top_genre")


@dataclass(frozen=True)
class Index:
    """`ids` has the ascending ids of users, songs and attributes: position i has index i + 1.

    `users` has user_id and user_index, `songs` all that `COLUMNS` says of a song_id; both are
    small enough to broadcast.
    """

    ids: dict[str, Ids]
    users: pa.Table
    songs: pa.Table


def build(train: DataFrame, songs: DataFrame, genres: DataFrame) -> Index:
    """Index the users and songs of the train rows, and the attributes of all songs."""
    users, rated = (_distinct(train, column) for column in ("user_id", "song_id"))
    levels = genres.select("genre_id", "top_genre_id", "level")
    catalogue = songs.join(levels, on="genre_id", how="left").toPandas().set_index("song_id")
    catalogue = catalogue.reindex(np.union1d(catalogue.index, rated))
    ids = {"user": users, "song": rated}
    features = {"song_id": catalogue.index, "song_index": _positions(rated, catalogue.index)}
    for name in _ATTRIBUTES:
        values = catalogue[f"{name}_id"]
        ids[name] = np.unique(values.dropna()).astype(np.int32)
        features[f"{name}_index"] = _positions(ids[name], values)
    features["level"] = catalogue["level"].fillna(0).astype(np.int32)
    known = pa.table({"user_id": users, "user_index": _positions(users, users)})
    return Index(ids, known, pa.table(features))


def indexed(ratings: DataFrame, index: Index) -> DataFrame:
    """The ratings with `COLUMNS`, then whatever other columns they have; their order is kept.

    An index is 0 where its user, song or attribute is unknown.
    """
    spark = ratings.sparkSession
    users, songs = (F.broadcast(spark.createDataFrame(t)) for t in (index.users, index.songs))
    rows = ratings.join(users, on="user_id", how="left").join(songs, on="song_id", how="left")
    columns = (F.coalesce(name, F.lit(0)).cast(kind).alias(name) for name, kind in COLUMNS.items())
    return rows.select(*columns, *(name for name in ratings.columns if name not in COLUMNS))


def save(ids: Mapping[str, Ids], folder: Path) -> None:
    """Write each array as <name>.npy, for readers without Spark."""
    folder.mkdir()
    for name, values in ids.items():
        np.save(folder / f"{name}.npy", values)


def _distinct(frame: DataFrame, column: str) -> Ids:
    return np.sort(frame.select(column).distinct().toArrow().column(0).to_numpy())


def _positions(ids: Ids, values: Any) -> Ids:
    return (pd.Index(ids).get_indexer(values) + 1).astype(np.int32)
