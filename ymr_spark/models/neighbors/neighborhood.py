"""Ratings predicted from a user's residuals on the neighbours of a song."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from scipy.sparse import csr_matrix

from ymr_spark.models.arrays import Flags, Floats, Ints, find, to_stars
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.held_out import HeldOut
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.neighbors.residuals import Residuals
from ymr_spark.packing import flat

# Songs of a task are held densely: at 4,096 candidates 32 MB.
_SONGS_AT_ONCE = 2_048
_ROWS_AT_ONCE = 16_384


class SimilarityModel(RatingModel[FactorModel]):
    """prediction = bias(u, i) + Σ_j sim(i, j) e_uj / (Σ_j |sim(i, j)| + damping), over the
    neighbours j of i that u has rated, bounded as the bias model's (Koren 2010, equation 3,
    with a damping). Pairs without such a neighbour are the bias model's and flagged.

    Attributes:
        neighbors: schemas.SIMILARITY_NEIGHBORS rows.
        residuals: e of all users on all songs that are neighbours.
        damping: in similarities, as if the bias model were one more neighbour of that weight.
    """

    kept = FactorModel
    parts = ("neighbors", "residuals")
    neighbors: DataFrame
    residuals: Residuals
    damping: float

    @property
    def by_pairs(self) -> None:
        """It takes what the user has rated."""

    def _scored(self, dataset: DataFrame, prediction: str, fallback: str) -> DataFrame:
        bias, damping = self.scorer, self.damping
        shared = dataset.sparkSession.sparkContext.broadcast((self.residuals, bias))
        kept = dataset.columns

        def score(asked: pa.Table, near: pa.Table) -> pa.Table:
            users, songs = (asked.column(name).to_numpy() for name in ("_user", "_item"))
            scored = stars(users, songs, near, *shared.value, damping)
            return pa.Table.from_arrays(
                [*asked.select(kept).columns, *map(pa.array, scored)], [*kept, prediction, fallback]
            )

        schema = T.StructType([*dataset.schema, T.StructField(prediction, T.DoubleType())])
        schema = schema.add(fallback, T.BooleanType())
        asked = self.users.with_codes(dataset, self.column("userCol"), "_user")
        asked = self.items.with_codes(asked, self.column("itemCol"), "_item")
        groups = 1 + len(bias.song_ids) // _SONGS_AT_ONCE
        near = self.neighbors.groupBy((F.col("song_id") % groups).alias("_group"))
        grouped = asked.groupBy((F.col("_item") % groups).alias("_group"))
        return grouped.cogroup(near).applyInArrow(score, schema)

    def mse(self, rows: HeldOut) -> float:
        """As of any model; the neighbours are collected."""
        if not len(rows.stars):
            return math.nan
        near = self.neighbors.toArrow()
        found, _ = stars(rows.users, rows.songs, near, self.residuals, self.scorer, self.damping)
        return float(np.mean((found - rows.stars) ** 2))

    def tables(self) -> Mapping[str, pa.Table | DataFrame]:
        """schemas.SIMILARITY_NEIGHBORS rows, and the residuals of each candidate."""
        return {"neighbors": self.neighbors, "residuals": self.residuals.table()}

    def about(self) -> dict[str, Any]:
        """The metadata that is saved."""
        return super().about() | {"damping": self.damping}

    @classmethod
    def of_parts(
        cls,
        about: dict[str, Any],
        parts: dict[str, DataFrame],
        fallback: RatingModel[FactorModel] | None,
    ) -> Self:
        """The model that was saved so."""
        assert fallback is not None
        model = cls(replace(fallback.scorer, name=about["name"]))
        users = fallback.scorer.user_ids
        model.residuals = Residuals.of_table(parts["residuals"].toArrow(), users)
        model.neighbors, model.damping = parts["neighbors"], about["damping"]
        return model


def stars(
    users: Ints,
    songs: Ints,
    near: pa.Table,
    residuals: Residuals,
    bias: FactorModel,
    damping: float,
) -> tuple[Floats, Flags]:
    """The predictions (pairs,) of `SimilarityModel`, and which are the bias model's alone.

    Args:
        near: schemas.SIMILARITY_NEIGHBORS rows of the songs asked for.
    """
    return _Neighborhoods(residuals, bias, *_dense(near, residuals.songs)).predict(
        users, songs, damping
    )


@dataclass(frozen=True)
class _Neighborhoods:
    residuals: Residuals
    bias: FactorModel
    songs: Ints  # (songs,) ids, ascending
    similarities: Floats  # (songs, candidates) float32, 0 where no neighbour

    def predict(self, users: Ints, songs: Ints, damping: float) -> tuple[Floats, Flags]:
        """Predicted stars, and which are the bias model's alone."""
        scores, user_known, song_known = self.bias.score(users, songs)
        shift = np.zeros(len(users))
        for first in range(0, len(users), _ROWS_AT_ONCE):
            chunk = slice(first, first + _ROWS_AT_ONCE)
            shift[chunk] = self._shift(users[chunk], songs[chunk], damping)
        fallback = np.isnan(shift) | ~user_known | ~song_known
        scores += np.where(fallback, 0.0, shift)
        return to_stars(scores, self.bias.scale, self.bias.link), fallback

    def _shift(self, users: Ints, songs: Ints, damping: float) -> Floats:
        """What the neighbours add to the bias model, NaN where there is none."""
        user, _ = find(self.residuals.users, users)
        rated: csr_matrix = self.residuals.stars[user]
        if len(self.songs) == 0:
            return np.full(len(users), np.nan)
        song, known = find(self.songs, songs)
        row = np.repeat(song, np.diff(rated.indptr))
        weights = self.similarities[row, rated.indices].astype(np.float64)
        sums = _row_sums(rated, weights * rated.data)
        sizes = np.where(known, _row_sums(rated, np.abs(weights)), 0.0)
        return np.divide(sums, sizes + damping, out=np.full(len(sums), np.nan), where=sizes > 0)


def _row_sums(matrix: csr_matrix, values: Floats) -> Floats:
    valued = csr_matrix((values, matrix.indices, matrix.indptr), shape=matrix.shape)
    return np.asarray(valued @ np.ones(matrix.shape[1]))


def _dense(neighbors: pa.Table, candidates: Ints) -> tuple[Ints, Floats]:
    """Ids of the songs, ascending, and their similarities to all candidates."""
    table = neighbors.sort_by("song_id")
    songs = table["song_id"].to_numpy()
    row = np.repeat(np.arange(len(songs)), pc.list_value_length(table["neighbor_ids"]).to_numpy())
    column = np.searchsorted(candidates, flat(table, "neighbor_ids"))
    dense = np.zeros((len(songs), len(candidates)), np.float32)
    dense[row, column] = flat(table, "similarities")
    return songs, dense
