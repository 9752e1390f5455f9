"""Ratings in this process' memory, as contestants of one machine take them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlparse

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark.models.arrays import Flags, Floats, Ints, find
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.pipeline.warehouse import Warehouse

_COLUMNS = ["user_id", "song_id", "rating"]
_ROWS_AT_ONCE = 1 << 22
Line = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """One split; users and songs as places in the bias model's, 17 bytes a rating."""

    frame: DataFrame
    user: Ints  # (rows,) int32
    song: Ints
    rating: Floats  # float32
    base: Floats  # the bias model's unbounded score
    known: Flags  # whether the bias model knows the user and the song

    def mse(self, shift: Floats) -> float:
        """Of the bounded base + shift, in stars squared."""
        predicted = np.clip(self.base + np.nan_to_num(shift) * self.known, 1, 5)
        return float(np.mean((predicted - self.rating) ** 2, dtype=np.float64))


def read(spark: SparkSession, warehouse: Warehouse, split: str) -> tuple[Ints, Ints, Floats]:
    """User ids, song ids, stars: the Parquet files of the pinned version, read by pyarrow."""
    frame = warehouse.read(spark, "ratings").where(F.col("split") == split)
    paths = sorted(unquote(urlparse(url).path) for url in frame.inputFiles())
    files = [path for path in paths if f"/split={split}/" in path]
    table: pa.Table = ds.dataset(files, format="parquet").to_table(columns=_COLUMNS)
    users, songs, stars = (table.column(name).to_numpy() for name in _COLUMNS)
    return users, songs, stars


def rows_of(warehouse: Warehouse, spark: SparkSession, bias: FactorModel, split: str) -> Rows:
    columns = read(spark, warehouse, split)
    parts = zip(*(_placed(bias, *chunk) for chunk in _chunks(columns)), strict=True)
    user, song, base, known = (np.concatenate(part) for part in parts)
    frame = warehouse.read(spark, "ratings").where(F.col("split") == split)
    return Rows(frame, user, song, columns[2].astype(np.float32), base, known)


def _chunks(columns: tuple[Ints, Ints, Floats]) -> Iterator[tuple[Ints, Ints]]:
    for first in range(0, len(columns[0]), _ROWS_AT_ONCE):
        chunk = slice(first, first + _ROWS_AT_ONCE)
        yield columns[0][chunk], columns[1][chunk]


def _placed(bias: FactorModel, users: Ints, songs: Ints) -> tuple[Ints, Ints, Floats, Flags]:
    base, user_known, song_known = bias.score(users, songs)
    user, song = find(bias.user_ids, users)[0], find(bias.song_ids, songs)[0]
    known = user_known & song_known
    return user.astype(np.int32), song.astype(np.int32), base.astype(np.float32), known
