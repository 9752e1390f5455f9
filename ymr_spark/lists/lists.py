"""What the lists of all users together look like: coverage, long tail, how alike they are."""

from collections.abc import Mapping

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from ymr_spark.lists.catalogue import Catalogue
from ymr_spark.models.arrays import Floats, Ints, find
from ymr_spark.records.description import Description, Example

# Of the rated songs; the others are in the tail too.
_LONG_TAIL = 0.8


def described(
    recommended: DataFrame,
    heard: DataFrame,
    users: list[int],
    songs: Catalogue,
    candidates: Ints,
    top_genres: Mapping[int, str],
    examples: int = 4,
) -> Description:
    """What there is to tell of the lists.

    Args:
        recommended: (user_id, rank, song_id).
        heard: (user_id, song_id), what users have rated.
        users: a sample, whose lists are compared pair by pair; the first are the examples.
        songs: all there are.
        candidates: ids of those that could have been recommended.
        top_genres: genre_id -> the name of the genre at level 1 that it belongs to.
    """
    counts = recommended.groupBy("song_id").count().toArrow()
    song, known = find(songs.song_ids, counts.column("song_id").to_numpy())
    times = np.bincount(song[known], counts.column("count").to_numpy()[known], len(songs.song_ids))
    tail = _long_tail(songs.ratings)
    wanted = F.col("user_id").isin(users)
    found = _pairs(recommended.where(wanted))
    return Description(
        lists=recommended.where("rank = 1").count(),
        coverage=_share(np.count_nonzero(times), len(candidates)),
        long_tail_share=_share(times[tail].sum(), times.sum()),
        long_tail_ratings=_share(songs.ratings[tail].sum(), songs.ratings.sum()),
        shared=shared(*found),
        examples=tuple(
            Example(
                user_id=user,
                heard=_genres(listened, songs, top_genres),
                recommended=_genres(found[1][found[0] == user], songs, top_genres),
            )
            for user, listened in _listened(heard, users[:examples]).items()
        ),
    )


def shared(users: Ints, songs: Ints) -> float | None:
    """The mean over pairs of users of |A ∩ B| / sqrt(|A| |B|), (user, song) pairs given.

    For lists of one length that is the share of songs that both have.
    """
    found, row = np.unique(users, return_inverse=True)
    _, column = np.unique(songs, return_inverse=True)
    if len(found) < 2:
        return None
    lists = csr_matrix((np.ones(len(row)), (row, column)))
    sizes = np.sqrt(lists.getnnz(axis=1))
    alike = (lists @ lists.T).toarray() / np.outer(sizes, sizes)
    return float(np.mean(alike[~np.eye(len(alike), dtype=bool)]))


def _long_tail(ratings: Ints) -> Ints:
    """Positions of the songs outside the fifth of the rated ones with the most ratings."""
    rated = np.count_nonzero(ratings)
    return np.argsort(ratings, kind="stable")[: len(ratings) - rated + int(_LONG_TAIL * rated)]


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _pairs(frame: DataFrame) -> tuple[Ints, Ints]:
    table = frame.select("user_id", "song_id").toArrow()
    return table.column("user_id").to_numpy(), table.column("song_id").to_numpy()


def _listened(heard: DataFrame, users: list[int]) -> dict[int, Ints]:
    user_ids, song_ids = _pairs(heard.where(F.col("user_id").isin(users)))
    return {user: song_ids[user_ids == user] for user in users}


def _genres(song_ids: Ints, songs: Catalogue, top_genres: Mapping[int, str]) -> dict[str, float]:
    """The share of each top genre, the largest first."""
    position, known = find(songs.song_ids, song_ids)
    names = [top_genres[genre] for genre in songs.genre_ids[position[known]]]
    found, counts = np.unique(names, return_counts=True)
    shares: Floats = counts / max(len(names), 1)
    ordered = sorted(zip(shares, found, strict=True), key=lambda pair: (-pair[0], pair[1]))
    return {str(name): round(float(share), 4) for share, name in ordered}
