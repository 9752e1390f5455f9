"""The ratings that a model is fitted to: checked, ids as whole numbers, packed once for all."""

from dataclasses import dataclass
from functools import cached_property

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
        _require_values(dataset.where(~held), user, song, rating)
        # Their own names may be those of each other's codes.
        named = {"_user": F.col(user), "_song": F.col(song), "_held": held}
        rows = dataset.select(
            *(column.alias(name) for name, column in named.items()),
            F.col(rating).cast("double").alias("rating"),
        )
        users, songs = (
            IdCodes.of(rows.where(~F.col("_held")).select(c)) for c in ("_user", "_song")
        )
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


def _require_values(rows: DataFrame, *names: str) -> None:
    counts = rows.agg(F.count("*"), *(F.count(name) for name in names)).collect()[0]
    if not counts[0]:
        raise DataContractError("no ratings to fit to")
    for name, found in zip(names, counts[1:], strict=True):
        if found < counts[0]:
            raise DataContractError(f"column {name}: {counts[0] - found} nulls; leave them out")
