"""All songs with their train ratings, and two lists of them that are the same for everybody."""

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark.models.factors import FactorModel, Flags, Floats, Ints
from ymr_spark.statistics.scans import STARS


@dataclass(frozen=True)
class Catalogue:
    """All songs there are, aligned arrays (songs,); ids ascend."""

    song_ids: Ints
    artist_ids: Ints
    genre_ids: Ints
    ratings: Ints  # train rows, 0 of some songs
    stars: Ints  # their sum

    def of(self, song_ids: Ints) -> "Catalogue":
        """These songs, those of them that there are, ascending."""
        return self.where(np.isin(self.song_ids, song_ids))

    def rated(self) -> "Catalogue":
        """The songs with train ratings."""
        return self.where(self.ratings > 0)

    def where(self, chosen: Flags) -> "Catalogue":
        """The chosen songs, (songs,) flags."""
        return Catalogue(*(getattr(self, field.name)[chosen] for field in fields(self)))


def read(counts: pa.Table, songs: pa.Table) -> Catalogue:
    """All songs.

    Args:
        counts: schemas.SUMMARY_SONGS rows.
        songs: schemas.SONGS rows.
    """
    train = counts.filter(pc.equal(counts["split"], "train"))
    table = songs.join(train, "song_id", join_type="left outer").sort_by("song_id")
    given = np.array([pc.fill_null(table[column], 0).to_numpy() for column in STARS.values()])
    return Catalogue(
        song_ids=table["song_id"].to_numpy(),
        artist_ids=table["artist_id"].to_numpy(),
        genre_ids=table["genre_id"].to_numpy(),
        ratings=given.sum(axis=0),
        stars=np.array([*STARS]) @ given,
    )


def most_popular(catalogue: Catalogue) -> FactorModel:
    """Everybody's songs, those with ratings, in the order of their number."""
    rated = catalogue.rated()
    return _unpersonal("most_popular", 0.0, rated, rated.ratings.astype(np.float64))


def best_mean(catalogue: Catalogue, damping: float) -> FactorModel:
    """Everybody's songs, those with ratings, by their mean, shrunk to that of all ratings as by
    `damping` ratings of it."""
    rated = catalogue.rated()
    mean = rated.stars.sum() / rated.ratings.sum()
    offsets = (rated.stars - mean * rated.ratings) / (rated.ratings + damping)
    return _unpersonal("best_mean", float(mean), rated, offsets)


def _unpersonal(name: str, mean: float, catalogue: Catalogue, offsets: Floats) -> FactorModel:
    songs = catalogue.song_ids
    none = np.zeros((len(songs), 0), np.float32)
    nobody = np.array([-1], np.int32), np.zeros(1), np.zeros((1, 0), np.float32)
    return FactorModel(name, mean, *nobody, songs, offsets, none)
