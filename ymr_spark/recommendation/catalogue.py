"""Which songs may be recommended, and what their popularity takes off their score."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark.errors import SettingsError
from ymr_spark.models.factors import FactorModel, Flags, Floats, Ints, find
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


def below(genre_ids: Iterable[int], parents: Mapping[int, int]) -> set[int]:
    """These genres and all below them.

    Args:
        parents: of every genre; one at the top is its own.

    Raises:
        SettingsError: a genre is not in the hierarchy.
    """
    found = set(genre_ids)
    if unknown := sorted(found - parents.keys()):
        raise SettingsError(f"recommend: genre {unknown[0]} is not in genre-hierarchy.txt")
    while more := {genre for genre, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def eligible(
    catalogue: Catalogue, min_ratings: int, included: set[int] | None, excluded: set[int]
) -> Flags:
    """Which songs may be recommended, (songs,).

    Args:
        included: genres, None for all songs, those without a genre among them.
        excluded: genres.

    Raises:
        SettingsError: no song is left.
    """
    chosen: Flags = catalogue.ratings >= min_ratings
    if included is not None:
        chosen &= np.isin(catalogue.genre_ids, [*included])
    chosen &= ~np.isin(catalogue.genre_ids, [*excluded])
    if not chosen.any():
        raise SettingsError(
            "recommend: no song satisfies min_ratings, include_genres and exclude_genres together"
        )
    return chosen


def restricted(model: FactorModel, chosen: Flags, ratings: Ints, damping: float) -> FactorModel:
    """The model with the chosen songs only, less `damping` stars a tenfold number of ratings."""
    popularity = np.log10(np.maximum(ratings[chosen], 1))
    return replace(
        model,
        song_ids=model.song_ids[chosen],
        song_offsets=model.song_offsets[chosen] - damping * popularity,
        song_factors=model.song_factors[chosen],
    )
