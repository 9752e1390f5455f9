"""Folders of shards for tests, written without Spark, and what may happen to them."""

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ymr_spark.models.arrays import Ints
from ymr_spark.shards import inventory
from ymr_spark.shards.inventory import Inventory, SplitShards
from ymr_spark.sources.r2.scale import R2

COLUMNS = {"user_index": "int", "song_index": "int", "rating": "float"}
SONGS_AN_ALBUM, ALBUMS_AN_ARTIST, GENRES = 4, 2, 3


def write(folder: Path, splits: dict[str, Ints], row_groups: int = 4) -> Inventory:
    """Shards of (user_index, song_index, rating) rows, in the order given, with `content`."""
    sizes = {}
    for split, rows in splits.items():
        (folder / split).mkdir(parents=True)
        sizes[split] = {
            _write_file(folder, f"{split}/row-group-{i:05d}.parquet", part): len(part)
            for i, part in enumerate(np.array_split(rows, row_groups))
        }
    users, songs = (int(splits["train"][:, i].max()) for i in range(2))
    largest = {name: int(values[0]) for name, values in content(np.array([songs])).items()}
    contents = Inventory(
        ratings_version=7,
        seed=1,
        scale=R2,
        columns=COLUMNS | dict.fromkeys(largest, "int"),
        index_sizes={
            **{"user": users, "song": songs},
            **{name: largest[f"{name}_index"] for name in ("album", "artist")},
            **{"genre": GENRES, "top_genre": GENRES},
        },
        splits={
            split: SplitShards(
                rows=len(rows),
                hash=f"{0:032x}",
                mean_rating=rows[:, 2].mean(),
                row_groups=sizes[split],
            )
            for split, rows in splits.items()
        },
        files=inventory.files_of(folder),
    )
    (folder / inventory.NAME).write_text(contents.model_dump_json())
    return contents


def content(songs: Ints) -> dict[str, Ints]:
    """Album, artist, genre, top genre and level of songs numbered from 1."""
    album = (songs - 1) // SONGS_AN_ALBUM
    artist = album // ALBUMS_AN_ARTIST
    genre = artist % GENRES + 1
    columns = (album + 1, artist + 1, genre, genre, np.ones_like(songs))
    names = ("album_index", "artist_index", "genre_index", "top_genre_index", "level")
    return {n: values.astype(np.int32) for n, values in zip(names, columns, strict=True)}


def _write_file(folder: Path, path: str, rows: Ints) -> str:
    types = (np.int32, np.int32, np.float32)
    columns = {n: rows[:, i].astype(t) for i, (n, t) in enumerate(zip(COLUMNS, types, strict=True))}
    pq.write_table(pa.Table.from_pydict({**columns, **content(rows[:, 1])}), folder / path)
    return path


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def write_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps("code that Petastorm would run"))


GROUP = "train/row-group-00001.parquet"
# A file below the folder, what is done to it, and what the refusal says of it.
DAMAGES = [
    (GROUP, flip_a_byte, "sha256"),
    (GROUP, truncate, "bytes, expected"),
    (GROUP, Path.unlink, "missing"),
    ("train/part-0.parquet", Path.touch, "not in the inventory"),
    ("train/_common_metadata", write_pickle, "plain Parquet"),
    ("_metadata", Path.touch, "plain Parquet"),
    ("train/_delta_log", Path.mkdir, "plain Parquet"),
    (inventory.NAME, Path.unlink, "cannot be read"),
    (inventory.NAME, truncate, "not an inventory"),
]
