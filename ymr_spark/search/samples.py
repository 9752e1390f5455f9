"""Nested samples of users and songs, in the forms that models are fitted to."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark import seeds
from ymr_spark.identity import Identity
from ymr_spark.lists.listeners import Listeners
from ymr_spark.models import registry
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.registry import Entry
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.ratings import identity, scale_of
from ymr_spark.records.learning_curve import Curve, Point
from ymr_spark.search import folds
from ymr_spark.search.lists import listed, listeners
from ymr_spark.shards import indices, inventory, writing
from ymr_spark.store import atomically
from ymr_spark.store.locations import Location

_ROW_GROUP_ROWS = 65_536


def of_both(ratings: DataFrame, share: float, seed: int) -> DataFrame:
    """About that share of the rows: those of some users on some songs, of both about the square
    root of it, so that neither loses more of its ratings than the other. Those of a smaller share
    are among them."""
    # By seeds of their own, or the song of a user's number would stay with the user.
    user, song = (
        folds.chance(F.col(column), seeds.of(seed, side))
        for side, column in enumerate(("user_id", "song_id"))
    )
    return ratings.where(F.greatest(user, song) < math.sqrt(share))


@dataclass
class Sample:
    """The train and validation rows of some users on some songs.

    Args:
        rows: (user_id, song_id, rating, split).
        folder: for the shards that deep models are fitted to; made once for all of them.
        columns: the estimators' columns of `rows`.
        bias: the settings of the bias model that others start from.
    """

    rows: DataFrame
    folder: Location
    seed: int
    columns: dict[str, str]
    bias: dict[str, Any]

    @cached_property
    def ratings(self) -> TrainRatings:
        """For classical models."""
        rows = self.rows.withColumn("held_out", F.col("split") == "validation").drop("split")
        return TrainRatings.of_numbers(rows, scale_of(self.rows))

    @cached_property
    def base(self) -> RatingModel[Any]:
        """The bias model of these very rows."""
        bias = self._estimator(registry.named("bias"), self.bias)
        fitted: RatingModel[Any] = bias.fit_ratings(self.ratings)
        return fitted

    @cached_property
    def listeners(self) -> Listeners:
        """By whom the lists of models that only rank are judged."""
        return listeners(self.ratings.layouts.by_user, self.seed)

    @cached_property
    def identities(self) -> dict[str, Identity]:
        """Of both splits."""
        return identity(self.rows)

    def fit(
        self, entry: Entry, values: dict[str, Any], content: tuple[pa.Table, pa.Table] | None
    ) -> Curve:
        """The errors of a model that is fitted with these settings.

        Args:
            content: for deep models, schemas.SONGS and GENRES rows.
        """
        estimator = self._estimator(entry, values)
        estimator.fallback = self.base if entry.fallback else None
        if content is not None:
            contents = self._shards(*content)
            placed = indices.catalogue(indices.load(self.folder / "indices"), *content)
            fitted: RatingModel[Any] = estimator.fit_shards(self.folder, contents, placed)
        else:
            fitted = estimator.fit_ratings(self.ratings)
        if not entry.rates:
            return listed(fitted, self.listeners)
        if fitted.learning_curve:
            return fitted.learning_curve
        held_out = fitted.mse(self.ratings.validation_arrays)
        return [Point(epoch=1, train_mse=None, validation_mse=held_out)]

    def _estimator(self, entry: Entry, values: dict[str, Any]) -> Any:
        kind = registry.imported(entry.estimator)
        return kind.of_settings(values, **self.columns, seed=self.seed)

    def _shards(self, songs: pa.Table, genres: pa.Table) -> inventory.Inventory:
        if not self.folder.exists():
            rated = self.ratings.layouts.by_user
            with atomically.replacing(self.folder) as folder:
                writing.write(
                    folder,
                    {split: rated.of(split) for split in self.identities},
                    indices.build(rated.of("train"), songs, genres),
                    self.identities,
                    ratings_version=0,
                    seed=self.seed,
                    row_group_rows=_ROW_GROUP_ROWS,
                    row_groups_multiple=1,
                )
        return inventory.verify(self.folder)
