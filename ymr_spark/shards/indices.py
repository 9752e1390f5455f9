"""Dense indices for embeddings: 1..n in the order of the ids, 0 for what is unknown."""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ymr_spark.packing import Block, Packed, flat, one_row
from ymr_spark.store import atomically, locations
from ymr_spark.store.locations import Location

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
    """Small enough to broadcast.

    Attributes:
        ids: the ascending ids of users, songs and attributes: position i has index i + 1.
        songs: all that `COLUMNS` says of each song_id, ascending: (songs,) a column.
    """

    ids: dict[str, Ids]
    songs: dict[str, Ids]

    def columns(self, users: Ids, songs: Ids, stars: npt.NDArray[np.float64]) -> dict[str, Any]:
        """`COLUMNS` of rows (rows,); an index is 0 where its user, song or attribute is unknown."""
        place = _positions(self.songs["song_id"], songs)
        found = {name: np.r_[0, values][place] for name, values in self.songs.items()}
        found |= {"user_id": users, "song_id": songs, "rating": stars}
        found["user_index"] = _positions(self.ids["user"], users)
        types = {"int": np.int32, "float": np.float32}
        return {name: found[name].astype(types[kind]) for name, kind in COLUMNS.items()}


def build(rated: Packed, songs: pa.Table, genres: pa.Table) -> Index:
    """Index the users and songs of the rows that kernels see, and the attributes of all songs.

    Args:
        rated: `packing.by_user`.
        songs, genres: schemas.SONGS, GENRES rows.
    """
    placed = _placed(songs, genres)
    ids = _rated(rated)
    ids |= {name: np.unique(placed[f"{name}_id"].dropna()).astype(np.int32) for name in _ATTRIBUTES}
    return Index(ids, _catalogue(ids, placed))


def catalogue(ids: Mapping[str, Ids], songs: pa.Table, genres: pa.Table) -> dict[str, Ids]:
    """All that `COLUMNS` says of each song_id, ascending, rated or not: (songs,) a column.

    Args:
        ids: as `Index.ids`; an attribute that is not among them has index 0.
        songs, genres: as for `build`.
    """
    return _catalogue(ids, _placed(songs, genres))


def without_songs(rated: Packed) -> Index:
    """`build` where nothing else is known of the songs than their ids."""
    ids = _rated(rated)
    ids |= {name: np.zeros(0, np.int32) for name in _ATTRIBUTES}
    return Index(ids, without_attributes(ids))


def without_attributes(ids: Mapping[str, Ids]) -> dict[str, Ids]:
    """`catalogue` of the songs that have an index, where nothing else is known of them."""
    songs, columns = ids["song"], (*(f"{name}_index" for name in _ATTRIBUTES), "level")
    known = {"song_id": songs, "song_index": _positions(songs, songs)}
    return known | dict.fromkeys(columns, np.zeros_like(songs))


def _placed(songs: pa.Table, genres: pa.Table) -> pd.DataFrame:
    levels = genres.select(["genre_id", "top_genre_id", "level"]).to_pandas()
    placed: pd.DataFrame = songs.to_pandas().merge(levels, on="genre_id", how="left")
    return placed.set_index("song_id")


def _catalogue(ids: Mapping[str, Ids], placed: pd.DataFrame) -> dict[str, Ids]:
    placed = placed.reindex(np.union1d(placed.index, ids["song"]))
    song_ids = placed.index.to_numpy(np.int32)
    features = {"song_id": song_ids, "song_index": _positions(ids["song"], song_ids)}
    for name in _ATTRIBUTES:
        features[f"{name}_index"] = _positions(ids[name], placed[f"{name}_id"])
    features["level"] = placed["level"].fillna(0).to_numpy(np.int32)
    return features


def save(ids: Mapping[str, Ids], folder: Location) -> None:
    """Write each array as <name>.npy, for readers without Spark."""
    for name, values in ids.items():
        content = io.BytesIO()
        np.save(content, values)
        atomically.write(folder / f"{name}.npy", content.getvalue())


def load(folder: Location) -> dict[str, Ids]:
    """What `save` has written into the folder."""
    files = locations.matching(folder, "*.npy")
    return {file.stem: np.load(io.BytesIO(file.read_bytes())) for file in files}


def _rated(rated: Packed) -> dict[str, Ids]:
    table = rated.map(_distinct, "users array<int>, songs array<int>").toArrow()
    users, songs = (np.unique(flat(table, name)) for name in ("users", "songs"))
    return {"user": users, "song": songs}


def _distinct(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
    for block in blocks:
        yield one_row(users=block.owners, songs=np.unique(block.others))


def _positions(ids: Ids, values: Any) -> Ids:
    return (pd.Index(ids).get_indexer(values) + 1).astype(np.int32)
