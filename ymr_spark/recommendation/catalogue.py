"""The songs with train ratings, and two lists of them that are the same for everybody."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark.models.factors import FactorModel, Floats, Ints, find
from ymr_spark.statistics.scans import STARS


@dataclass(frozen=True)
class Catalogue:
    """The songs with train ratings, aligned arrays (songs,); ids ascend."""

    song_ids: Ints
    artist_ids: Ints
    genre_ids: Ints
    ratings: Ints  # train rows
    stars: Ints  # their sum

    def of(self, model: FactorModel) -> "Catalogue":
        """The songs of `model`, in its order; those without train ratings have 0 of them."""
        position, known = find(self.song_ids, model.song_ids)
        absent = np.where(known, 0, -1)
        return Catalogue(
            model.song_ids,
            np.where(known, self.artist_ids[position], absent),
            np.where(known, self.genre_ids[position], absent),
            np.where(known, self.ratings[position], 0),
            np.where(known, self.stars[position], 0),
        )


def read(counts: pa.Table, songs: pa.Table) -> Catalogue:
    """The songs with train ratings.

    Args:
        counts: schemas.SUMMARY_SONGS rows.
        songs: schemas.SONGS rows.
    """
    train = counts.filter(pc.equal(counts["split"], "train"))
    table = train.join(songs, "song_id", join_type="inner").sort_by("song_id")
    given = np.array([table[column].to_numpy() for column in STARS.values()])
    return Catalogue(
        song_ids=table["song_id"].to_numpy(),
        artist_ids=table["artist_id"].to_numpy(),
        genre_ids=table["genre_id"].to_numpy(),
        ratings=given.sum(axis=0),
        stars=np.array([*STARS]) @ given,
    )


def most_popular(catalogue: Catalogue) -> FactorModel:
    """Everybody's songs in the order of their number of ratings."""
    return _unpersonal("most_popular", 0.0, catalogue, catalogue.ratings.astype(np.float64))


def best_mean(catalogue: Catalogue, damping: float) -> FactorModel:
    """Everybody's songs by mean rating, shrunk to that of all as by `damping` ratings of it."""
    mean = catalogue.stars.sum() / catalogue.ratings.sum()
    offsets = (catalogue.stars - mean * catalogue.ratings) / (catalogue.ratings + damping)
    return _unpersonal("best_mean", float(mean), catalogue, offsets)


def _unpersonal(name: str, mean: float, catalogue: Catalogue, offsets: Floats) -> FactorModel:
    songs = catalogue.song_ids
    none = np.zeros((len(songs), 0), np.float32)
    nobody = np.array([-1], np.int32), np.zeros(1), np.zeros((1, 0), np.float32)
    return FactorModel(name, mean, *nobody, songs, offsets, none)
