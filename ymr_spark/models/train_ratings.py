"""The ratings that a model is fitted to: checked, ids as whole numbers, packed once for all."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark import packing
from ymr_spark.errors import DataContractError
from ymr_spark.models import columns
from ymr_spark.models.columns import IdCodes
from ymr_spark.models.held_out import HeldOut
from ymr_spark.packing import Packed
from ymr_spark.ratings import scale_of, with_scale
from ymr_spark.scale import Scale


@dataclass(frozen=True)
class TrainRatings:
    """(user_id, song_id, rating) rows to fit to, and others to stop by.

    Models that are fitted to the same object share what it has packed.
    """

    train: DataFrame
    validation: DataFrame | None
    scale: Scale
    users: IdCodes
    songs: IdCodes

    @classmethod
    def of(
        cls, dataset: DataFrame, user: str, song: str, rating: str, validation: str | None = None
    ) -> "TrainRatings":
        """The ratings in these columns of a frame.

        Args:
            validation: a column that is true for rows to stop by.

        Raises:
            DataContractError: a column is missing or of a wrong type; an id or a rating is null;
                there is no row to fit to.
        """
        columns.require_ids(dataset, user, song)
        columns.require_ratings(dataset, rating)
        scale = scale_of(dataset, rating)
        held = F.col(validation) if validation else F.lit(False)
        fitted_to = dataset.where(~held)
        ends = _ends(fitted_to, user, song, rating)
        # Their own names may be those of each other's codes.
        named = {"_user": F.col(user), "_song": F.col(song), "_held": held}
        rows = dataset.select(
            *(column.alias(name) for name, column in named.items()),
            F.col(rating).cast("double").alias("rating"),
        )
        users, songs = (IdCodes.of(fitted_to.select(name), *ends[name]) for name in (user, song))
        coded = songs.coded(users.coded(rows, "_user", "user_id"), "_song", "song_id")
        coded = with_scale(coded, scale)
        parts = (coded.where(F.col("_held") == flag).drop("_held") for flag in (False, True))
        train, held_out = (part.select("user_id", "song_id", "rating") for part in parts)
        return cls(train, held_out if validation else None, scale, users, songs)

    @property
    def rated(self) -> DataFrame:
        """All that the users have rated, validation among it."""
        return self.train if self.validation is None else self.train.union(self.validation)

    @cached_property
    def by_user(self) -> Packed:
        """The train rows, packed by user."""
        return packing.by_user(self.train)

    @cached_property
    def by_song(self) -> Packed:
        """The train rows, packed by song."""
        return packing.by_song(self.train)

    @cached_property
    def train_arrays(self) -> HeldOut:
        """The train rows, collected."""
        return HeldOut.of(self.train)

    @cached_property
    def validation_arrays(self) -> HeldOut:
        """The rows to stop by, collected."""
        return HeldOut.of(self.validation)

    def unpersist(self) -> None:
        """Let go of what has been packed."""
        for name in ("by_user", "by_song"):
            if name in self.__dict__:
                getattr(self, name).unpersist()


def _ends(rows: DataFrame, *names: str) -> dict[str, tuple[Any, Any]]:
    """The least and the greatest value of each column, of which none may be null: in one pass."""
    parts = (F.struct(F.count(name), F.min(name), F.max(name)) for name in names)
    total, *found = rows.agg(F.count("*"), *parts).collect()[0]
    if not total:
        raise DataContractError("no ratings to fit to")
    ends = {}
    for name, (count, least, most) in zip(names, found, strict=True):
        if count < total:
            raise DataContractError(f"column {name}: {total - count} nulls; leave them out")
        ends[name] = least, most
    return ends
