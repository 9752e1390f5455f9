"""What ranks songs: any model that has a score for each of its songs, given a user's."""

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
import pyarrow as pa

from ymr_spark.models.arrays import Flags, Floats, Ints, Link
from ymr_spark.models.scorer import Scorer
from ymr_spark.packing import Block


class Ranker(Protocol):
    """A model whose songs can be put in order for a user.

    Attributes:
        searched_by: module:Class of a `Search`, made of (ranker, cap, k).
    """

    searched_by: ClassVar[str]

    @property
    def name(self) -> str:
        """Of registry.MODELS, or of lists that are the same for everybody."""

    @property
    def song_ids(self) -> Ints:
        """The songs to choose from, ascending."""

    @property
    def link(self) -> Link:
        """What its scores are."""

    @property
    def is_finite(self) -> bool:
        """Whether all its numbers are."""

    @property
    def tells_songs_apart(self) -> bool:
        """Whether its songs can be put in any order but that of their ids."""

    def scores_of(self, user_id: int, heard: Ints) -> Floats:
        """Scores (songs,) of all its songs for one user, in double precision.

        Args:
            heard: ids of the songs that the user has rated.
        """

    def restricted(self, chosen: Flags, less: Floats) -> Self:
        """The same with the chosen of its songs only, and so much less score for each of them.

        Args:
            chosen: (songs,).
            less: (chosen songs,).
        """


class RankingScorer(Scorer, Protocol):
    """The arrays of a model that ranks; its predictions are scores where it knows no stars."""

    @property
    def ranker(self) -> Ranker:
        """What puts its songs in order."""

    @property
    def rating(self) -> Ranker | None:
        """What puts them in order by predicted stars; None of a model that predicts none."""


class Search(Protocol):
    """The search of one task for the best songs of the users of its blocks."""

    @property
    def users_at_once(self) -> int:
        """As many as keep the memory of `of` within bounds."""

    def of(self, block: Block, users: slice) -> pa.RecordBatch:
        """(user_id, rank, song_id, score) rows of these users of a block of `packing.by_user`."""


@dataclass(frozen=True)
class ArtistCap:
    """At most `songs` of one artist in a list."""

    artist_ids: Ints  # (songs of the model,), aligned with its song_ids
    songs: int

    def exceeded(self, songs: Ints) -> Flags:
        """Where an artist has enough better ones, (users, songs), by positions best first."""
        found: Flags = _earlier_alike(self.artist_ids[songs]) >= self.songs
        return found


def ordered(songs: Ints, scores: Floats, cap: ArtistCap | None) -> tuple[Ints, Floats]:
    """Positions and scores (users, songs), the best first, of equals the first song; what a list
    may not have is at the end, with a score of -inf."""
    songs, scores = _taken(songs, scores, np.lexsort((songs, -scores), axis=1))
    if cap is not None:
        scores[cap.exceeded(songs)] = -np.inf
        passed_over = np.argsort(np.isneginf(scores), axis=1, kind="stable")
        songs, scores = _taken(songs, scores, passed_over)
    return songs, scores


def as_batch(user_ids: Ints, song_ids: Ints, scores: Floats) -> pa.RecordBatch:
    """(user_id, rank, song_id, score) of lists (users, k), without what has a score of -inf."""
    kept = scores > -np.inf
    ranks = np.broadcast_to(np.arange(1, scores.shape[1] + 1, dtype=np.int32), kept.shape)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(np.repeat(user_ids, kept.sum(axis=1)), pa.int32()),
            pa.array(ranks[kept], pa.int32()),
            pa.array(song_ids[kept], pa.int32()),
            pa.array(scores[kept], pa.float64()),
        ],
        ["user_id", "rank", "song_id", "score"],
    )


def _taken(songs: Ints, scores: Floats, order: Ints) -> tuple[Ints, Floats]:
    return np.take_along_axis(songs, order, axis=1), np.take_along_axis(scores, order, axis=1)


def _earlier_alike(values: Ints) -> Ints:
    """How many equal values stand before each one in its row, (rows, columns)."""
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    column = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    fresh = np.c_[np.ones(len(values), bool), ordered[:, 1:] != ordered[:, :-1]]
    since = column - np.maximum.accumulate(np.where(fresh, column, 0), axis=1)
    counts: Ints = np.empty_like(since)
    np.put_along_axis(counts, order, since, axis=1)
    return counts
