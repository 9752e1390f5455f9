"""The weight of a predicted star beside the chance of being listened to, by validation lists."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pyarrow as pa

from ymr_spark.grouping import lists
from ymr_spark.lists import worth
from ymr_spark.lists.listeners import Listeners
from ymr_spark.models import second_stage
from ymr_spark.models.arrays import Ints
from ymr_spark.models.ranker import Ranker
from ymr_spark.models.second_stage import SecondStage
from ymr_spark.packing import flat
from ymr_spark.records.record import Record

# From no say of the stars to one that outweighs a tenfold chance by two of them.
WEIGHTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0, 1.5)


class ListWeight(Record):
    """A schemas.LIST_WEIGHTS row: of the candidates of one model.

    Attributes:
        rating_model: whose stars.
        weight: the best of WEIGHTS.
        ndcg_100: of the validation lists by that weight.
        by_weight: the same by each of WEIGHTS.
    """

    model: str
    rating_model: str
    weight: float
    ndcg_100: float
    by_weight: tuple[float, ...]


@dataclass(frozen=True)
class Trials:
    """A stage that tells the ranks which each of WEIGHTS gives to what users liked.

    Attributes:
        then: by whatever weight.
        liked: (user_id, song_id).
    """

    schema: ClassVar[str] = "user_id int, song_id int, ranks array<int>"
    then: SecondStage
    liked: pa.Table

    def of(self, candidates: pa.RecordBatch, k: int) -> pa.RecordBatch:
        """A row for each liked song among the candidates."""
        return ranks(replace(self.then, weight=0.0).of(candidates, k), self.liked)


def chosen(listeners: Listeners, model: Ranker, then: SecondStage) -> ListWeight:
    """The weight of most NDCG@100 on the lists of some users, of equals the least.

    Args:
        model, then: fits that have not seen what these lists are to find.
    """
    trials = Trials(then, listeners.liked)
    found = ndcg(listeners.staged(model, trials, second_stage.CANDIDATES), listeners.liked)
    best = int(np.argmax(found))
    return ListWeight(
        model=model.name,
        rating_model=then.stars.name,
        weight=WEIGHTS[best],
        ndcg_100=found[best],
        by_weight=tuple(found),
    )


def ranks(candidates: pa.RecordBatch, liked: pa.Table) -> pa.RecordBatch:
    """Rows of `Trials.schema`.

    Args:
        candidates: second_stage.SCHEMA rows of whole users, by a weight of 0.
    """
    users, songs, scores, stars = (
        candidates[name].to_numpy() for name in ("user_id", "song_id", "score", "stars")
    )
    hits = np.flatnonzero(worth.are_liked(users, songs, liked))
    # A user's rows lie together.
    starts = np.flatnonzero(np.diff(users, prepend=-1))
    ends = np.r_[starts[1:], len(users)]
    mine = np.searchsorted(starts, hits, side="right") - 1
    weights = np.array(WEIGHTS)[:, None]
    found = np.empty((len(hits), len(WEIGHTS)), np.int32)
    for row, hit, own in zip(range(len(hits)), hits.tolist(), mine.tolist(), strict=True):
        of_user = slice(int(starts[own]), int(ends[own]))
        values = scores[of_user] + weights * stars[of_user]
        before = second_stage.are_before(values, songs[of_user], hit - of_user.start)
        found[row] = 1 + np.count_nonzero(before, axis=1)
    every = lists(np.arange(len(hits) + 1) * len(WEIGHTS), found.ravel())
    columns = [*(pa.array(ids[hits], pa.int32()) for ids in (users, songs)), every]
    return pa.RecordBatch.from_arrays(columns, ["user_id", "song_id", "ranks"])


def ndcg(found: pa.Table, liked: pa.Table) -> list[float]:
    """By each of WEIGHTS, of the lists that have the liked songs at these ranks."""
    by_weight = flat(found, "ranks").reshape(-1, len(WEIGHTS)).T
    users, songs = (found[name].to_numpy() for name in ("user_id", "song_id"))
    return [_mean_ndcg(users, of_weight, songs, liked) for of_weight in by_weight]


def _mean_ndcg(users: Ints, ranks: Ints, songs: Ints, liked: pa.Table) -> float:
    """Of lists of which these are all that is liked."""
    columns = [pa.array(column) for column in (users, ranks, songs)]
    lists = pa.Table.from_arrays(columns, ["user_id", "rank", "song_id"])
    by_listener = worth.worth(lists, liked).values[:, 0]
    return float(by_listener.mean()) if len(by_listener) else 0.0
