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

from ymr_spark.ratings import require_columns

Ids = npt.NDArray[np.int32]

COLUMNS = {
    "user_id": "int",
    "song_id": "int",
    "rating": "float",  # stars
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


def build(ratings: DataFrame, songs: pa.Table, genres: pa.Table) -> Index:
    """Index the users and songs of these rows, and the attributes of all songs.

    Args:
        songs, genres: schemas.SONGS, GENRES rows.
    """
    users, rated = (_distinct(ratings, column) for column in ("user_id", "song_id"))
    placed = _placed(songs, genres)
    ids = {"user": users, "song": rated}
    ids |= {name: np.unique(placed[f"{name}_id"].dropna()).astype(np.int32) for name in _ATTRIBUTES}
    known = pa.Table.from_pydict({"user_id": users, "user_index": _positions(users, users)})
    return Index(ids, known, _catalogue(ids, placed))


def catalogue(ids: Mapping[str, Ids], songs: pa.Table, genres: pa.Table) -> dict[str, Ids]:
    """All that `COLUMNS` says of each song_id, ascending, rated or not: (songs,) a column.

    Args:
        ids: as `Index.ids`; an attribute that is not among them has index 0.
        songs, genres: as for `build`.
    """
    found = _catalogue(ids, _placed(songs, genres))
    return {name: found.column(name).to_numpy() for name in found.column_names}


def without_songs(train: DataFrame) -> Index:
    """`build` where nothing else is known of the songs than their ids."""
    users, songs = (_distinct(train, column) for column in ("user_id", "song_id"))
    ids = {"user": users, "song": songs}
    ids |= {name: np.zeros(0, np.int32) for name in _ATTRIBUTES}
    known = pa.Table.from_pydict({"user_id": users, "user_index": _positions(users, users)})
    return Index(ids, known, pa.Table.from_pydict(without_attributes(ids)))


def without_attributes(ids: Mapping[str, Ids]) -> dict[str, Ids]:
    """`catalogue` of the songs that have an index, where nothing else is known of them."""
    songs, columns = ids["song"], (*(f"{name}_index" for name in _ATTRIBUTES), "level")
    known = {"song_id": songs, "song_index": _positions(songs, songs)}
    return known | dict.fromkeys(columns, np.zeros_like(songs))


def _placed(songs: pa.Table, genres: pa.Table) -> pd.DataFrame:
    levels = genres.select(["genre_id", "top_genre_id", "level"]).to_pandas()
    placed: pd.DataFrame = songs.to_pandas().merge(levels, on="genre_id", how="left")
    return placed.set_index("song_id")


def _catalogue(ids: Mapping[str, Ids], placed: pd.DataFrame) -> pa.Table:
    placed = placed.reindex(np.union1d(placed.index, ids["song"]))
    song_ids = placed.index.to_numpy(np.int32)
    features = {"song_id": song_ids, "song_index": _positions(ids["song"], song_ids)}
    for name in _ATTRIBUTES:
        features[f"{name}_index"] = _positions(ids[name], placed[f"{name}_id"])
    features["level"] = placed["level"].fillna(0).to_numpy(np.int32)
    return pa.Table.from_pydict(features)


def indexed(ratings: DataFrame, index: Index) -> DataFrame:
    """The ratings with `COLUMNS`, then whatever other columns they have; their order is kept.

    An index is 0 where its user, song or attribute is unknown.

    Raises:
        DataContractError: ids or ratings are not of their types.
    """
    require_columns(ratings)
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


def load(folder: Path) -> dict[str, Ids]:
    """What `save` has written into the folder."""
    return {path.stem: np.load(path) for path in sorted(folder.glob("*.npy"))}


def _distinct(frame: DataFrame, column: str) -> Ids:
    return np.sort(frame.select(column).distinct().toArrow().column(0).to_numpy())


def _positions(ids: Ids, values: Any) -> Ids:
    return (pd.Index(ids).get_indexer(values) + 1).astype(np.int32)
