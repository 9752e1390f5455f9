"""The order of a user's candidates by the chance of being listened to and the stars together.

Of the songs that a user is likeliest to listen to, the order is that of

    chance(u, s) · e^(weight · stars(u, s)),

in logarithms, in which a summand of the user's own changes nothing.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import pyarrow as pa

from ymr_spark.models.arrays import Flags, Floats, Ints, Link, log_chance
from ymr_spark.models.scorer import Scorer, predicted

CANDIDATES = 500  # a user, or as many as the list is long
SCHEMA = "user_id int, rank int, song_id int, score double, place int, stars double"


class Stage(Protocol):
    """What is made of candidates where they are found.

    Attributes:
        schema: of the rows that it makes.
    """

    schema: ClassVar[str]

    def of(self, candidates: pa.RecordBatch, k: int) -> pa.RecordBatch:
        """Of (user_id, rank, song_id, score) rows of whole users, for lists of length `k`."""


@dataclass(frozen=True)
class SecondStage:
    """What puts candidates in order.

    Attributes:
        stars: the model of the expected rating, and the one that scores what it does not know.
        link: of the model that the candidates are from.
        weight: of a star.
    """

    schema: ClassVar[str] = SCHEMA
    stars: Scorer
    fallback: Scorer | None
    link: Link
    weight: float

    def of(self, candidates: pa.RecordBatch, k: int) -> pa.RecordBatch:
        """SCHEMA rows, at most `k` a user: `place` is the rank among the candidates.

        Args:
            candidates: (user_id, rank, song_id, score) rows of whole users.
        """
        users, places, songs, scores = (column.to_numpy() for column in candidates.columns)
        stars, _ = predicted(self.stars, self.fallback, users, songs)
        values = log_chance(scores, self.link) + self.weight * stars
        order, ranks = ordered(users, songs, values, k)
        return pa.RecordBatch.from_arrays(
            [
                pa.array(users[order], pa.int32()),
                pa.array(ranks, pa.int32()),
                pa.array(songs[order], pa.int32()),
                pa.array(values[order], pa.float64()),
                pa.array(places[order], pa.int32()),
                pa.array(stars[order], pa.float64()),
            ],
            ["user_id", "rank", "song_id", "score", "place", "stars"],
        )


def ordered(users: Ints, songs: Ints, values: Floats, k: int) -> tuple[Ints, Ints]:
    """Positions of the `k` rows of each user with the highest values, of equals the lowest song,
    and their ranks from 1."""
    order = np.lexsort((songs, -values, users))
    first = np.flatnonzero(np.diff(users[order], prepend=-1))
    starts = np.repeat(first, np.diff(np.r_[first, len(order)]))
    ranks = np.arange(1, len(order) + 1) - starts
    return order[ranks <= k], ranks[ranks <= k]


def are_before(values: Floats, songs: Ints, one: int) -> Flags:
    """Which of a user's rows come before `one` of them in that order.

    Args:
        values: (…, rows), by any number of ways to value them.
    """
    own = values[..., one, None]
    return np.asarray((values > own) | ((values == own) & (songs < songs[one])))
