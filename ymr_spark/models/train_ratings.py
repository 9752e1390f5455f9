"""The ratings that a model is fitted to: checked, ids as whole numbers, packed once for all."""

from dataclasses import dataclass, replace
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


class Layouts:
    """The same ratings by user and by song, each packed when it is first asked for."""

    def __init__(self, rows: DataFrame) -> None:
        """
        Args:
            rows: (user_id, song_id, rating, held_out).
        """
        self._rows = rows

    @classmethod
    def of(cls, by_user: Packed, by_song: Packed) -> "Layouts":
        """Those that have been packed elsewhere."""
        found = cls(by_user.frame)
        found.__dict__ |= {"by_user": by_user, "by_song": by_song}
        return found

    @cached_property
    def by_user(self) -> Packed:
        """By `packing.by_user`."""
        return packing.by_user(self._rows)

    @cached_property
    def by_song(self) -> Packed:
        """By `packing.by_song`."""
        return packing.by_song(self._rows)

    def unpersist(self) -> None:
        """Let go of what has been packed."""
        for name in ("by_user", "by_song"):
            if name in self.__dict__:
                getattr(self, name).unpersist()


@dataclass(frozen=True)
class TrainRatings:
    """Ratings to fit to, and others to stop by.

    Models that are fitted to the same object share what it has packed.

    Args:
        rows: (user_id, song_id, rating, held_out); those that are held out are to stop by.
        stops: whether there may be such.
        layouts: of these rows, and maybe of others.
        splits: those of the packed ratings to fit to.
    """

    rows: DataFrame
    stops: bool
    scale: Scale
    users: IdCodes
    songs: IdCodes
    layouts: Layouts
    splits: tuple[str, ...] = ("train",)

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
        dataset = dataset.where(held.isNotNull())
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
        coded = with_scale(coded, scale).withColumnRenamed("_held", "held_out")
        rows = coded.select("user_id", "song_id", "rating", "held_out")
        return cls(rows, validation is not None, scale, users, songs, Layouts(rows))

    @classmethod
    def of_numbers(
        cls, rows: DataFrame, scale: Scale, layouts: Layouts | None = None
    ) -> "TrainRatings":
        """(user_id, song_id, rating, held_out) rows, whose ids are whole numbers from 0 on.

        Args:
            layouts: where they have been packed already.
        """
        packed = layouts or Layouts(rows)
        return cls(rows, True, scale, IdCodes("int"), IdCodes("int"), packed)

    @property
    def train(self) -> DataFrame:
        """(user_id, song_id, rating) to fit to."""
        return self.rows.where(~F.col("held_out")).drop("held_out")

    @property
    def validation(self) -> DataFrame | None:
        """Those to stop by, where there may be any."""
        return self.rows.where("held_out").drop("held_out") if self.stops else None

    @property
    def rated(self) -> DataFrame:
        """All that the users have rated, validation among it."""
        return self.rows.drop("held_out")

    @cached_property
    def with_validation(self) -> "TrainRatings":
        """The same rows, all of them to fit to."""
        rows = self.rows.withColumn("held_out", F.lit(False))
        return replace(self, rows=rows, stops=False, splits=("train", "validation"))

    @property
    def by_user(self) -> Packed:
        """The train rows, packed by user."""
        return self.layouts.by_user.of(*self.splits)

    @property
    def by_song(self) -> Packed:
        """The train rows, packed by song."""
        return self.layouts.by_song.of(*self.splits)

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
        self.layouts.unpersist()


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
