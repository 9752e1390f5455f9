"""All songs with their train ratings, and a list of them that is the same for everybody."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark.models.arrays import Flags, Floats, Ints
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.most_popular import of_counts
from ymr_spark.scale import Scale
from ymr_spark.statistics.scans import by_level


@dataclass(frozen=True)
class Catalogue:
    """All songs there are, aligned arrays (songs,); ids ascend."""

    song_ids: Ints
    artist_ids: Ints
    genre_ids: Ints
    ratings: Ints  # that models were fitted to, 0 of some songs
    stars: Floats  # their sum

    def of(self, song_ids: Ints) -> "Catalogue":
        """These songs, those of them that there are, ascending."""
        return self.where(np.isin(self.song_ids, song_ids))

    def rated(self) -> "Catalogue":
        """The songs with train ratings."""
        return self.where(self.ratings > 0)

    def where(self, chosen: Flags) -> "Catalogue":
        """The chosen songs, (songs,) flags."""
        return Catalogue(*(getattr(self, field.name)[chosen] for field in fields(self)))


def read(
    counts: pa.Table, songs: pa.Table, scale: Scale, splits: Sequence[str] = ("train",)
) -> Catalogue:
    """All songs.

    Args:
        counts: schemas.SUMMARY_SONGS rows.
        songs: schemas.SONGS rows.
        scale: of the ratings that are counted.
        splits: whose ratings count, those that models were fitted to.
    """
    fitted = counts.filter(pc.is_in(counts["split"], pa.array(splits)))
    given = by_level(fitted, scale)
    sums = {"ratings": given.sum(axis=1), "stars": given @ scale.values}
    by_split = pa.Table.from_pydict({"song_id": fitted["song_id"], **sums})
    summed = by_split.group_by("song_id").aggregate([(name, "sum") for name in sums])
    rated = summed.select(["song_id", *(f"{name}_sum" for name in sums)])
    rated = rated.rename_columns(["song_id", *sums])
    table = songs.join(rated, "song_id", join_type="left outer").sort_by("song_id")
    ratings, stars = (table[name].fill_null(pa.scalar(0)).to_numpy() for name in sums)
    return Catalogue(
        song_ids=table["song_id"].to_numpy(),
        artist_ids=table["artist_id"].to_numpy(),
        genre_ids=table["genre_id"].to_numpy(),
        ratings=ratings,
        stars=stars,
    )


def most_popular(catalogue: Catalogue, scale: Scale) -> FactorModel:
    """Everybody's songs, those with ratings, in the order of their number."""
    rated = catalogue.rated()
    return of_counts(rated.song_ids, rated.ratings, scale)
