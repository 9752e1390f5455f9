"""Which songs may be recommended, and what their popularity takes off their score."""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

import numpy as np

from ymr_spark.errors import SettingsError
from ymr_spark.lists.catalogue import Catalogue
from ymr_spark.models.arrays import Flags
from ymr_spark.models.ranker import ArtistCap, Ranker

Ranking = TypeVar("Ranking", bound=Ranker)


def restrict(
    model: Ranking,
    songs: Catalogue,
    parents: Mapping[int, int],
    *,
    min_ratings: int,
    include_genres: Collection[int],
    exclude_genres: Collection[int],
    popularity_damping: float,
    per_artist: int | None,
) -> tuple[Ranking, ArtistCap | None]:
    """The model with the songs that these options of settings.Recommend leave, and their cap.

    Args:
        songs: all there are. A song that only the model knows is left out: no option could be
            kept for it.
        parents: of every genre; one at the top is its own.

    Raises:
        SettingsError: a genre is not in the hierarchy, or no song is left.
    """
    mine = songs.of(model.song_ids)
    included = below(include_genres, parents) if include_genres else None
    mine = mine.where(eligible(mine, min_ratings, included, below(exclude_genres, parents)))
    if not len(mine.song_ids):
        raise SettingsError(
            f"recommend: no song of the model {model.name} satisfies min_ratings, include_genres "
            "and exclude_genres together"
        )
    left = restricted(model, mine, popularity_damping)
    return left, None if per_artist is None else ArtistCap(mine.artist_ids, per_artist)


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
    """
    chosen: Flags = catalogue.ratings >= min_ratings
    if included is not None:
        chosen &= np.isin(catalogue.genre_ids, [*included])
    chosen &= ~np.isin(catalogue.genre_ids, [*excluded])
    return chosen


def restricted(model: Ranking, songs: Catalogue, damping: float) -> Ranking:
    """The model with these of its songs only, less `damping` of its scores a tenfold number of
    ratings."""
    chosen = np.isin(model.song_ids, songs.song_ids)
    return model.restricted(chosen, damping * np.log10(np.maximum(songs.ratings, 1)))
