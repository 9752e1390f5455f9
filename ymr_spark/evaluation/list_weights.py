"""The weight of a predicted star beside the chance of being listened to, by validation lists."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from ymr_spark.lists import worth
from ymr_spark.lists.listeners import Listeners
from ymr_spark.models import second_stage
from ymr_spark.models.arrays import Ints
from ymr_spark.models.ranker import Ranker
from ymr_spark.models.second_stage import SecondStage
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


def chosen(listeners: Listeners, model: Ranker, then: SecondStage) -> ListWeight:
    """The weight of most NDCG@100 on the lists of some users, of equals the least.

    Args:
        model, then: fits that have not seen what these lists are to find.
    """
    everything = replace(then, weight=0.0)
    candidates = listeners.reordered(model, everything, second_stage.CANDIDATES)
    found = _ndcg(candidates, listeners.liked)
    best = int(np.argmax(found))
    return ListWeight(
        model=model.name,
        rating_model=then.stars.name,
        weight=WEIGHTS[best],
        ndcg_100=found[best],
        by_weight=tuple(found),
    )


def _ndcg(candidates: pa.Table, liked: pa.Table) -> list[float]:
    """By each of WEIGHTS, of the order that it puts the candidates in."""
    users, songs, scores, stars = (
        candidates[name].to_numpy() for name in ("user_id", "song_id", "score", "stars")
    )
    by_user = np.argsort(users, kind="stable")
    users, songs, scores, stars = users[by_user], songs[by_user], scores[by_user], stars[by_user]
    hits = np.flatnonzero(worth.are_liked(users, songs, liked))
    first, last = (np.searchsorted(users, users[hits], side=side) for side in ("left", "right"))
    weights = np.array(WEIGHTS)[:, None]
    ranks = np.empty((len(WEIGHTS), len(hits)), np.int64)
    for column, hit in enumerate(hits.tolist()):
        own = slice(int(first[column]), int(last[column]))
        values = scores[own] + weights * stars[own]
        before = second_stage.are_before(values, songs[own], hit - own.start)
        ranks[:, column] = 1 + np.count_nonzero(before, axis=1)
    return [_mean_ndcg(users[hits], of_weight, songs[hits], liked) for of_weight in ranks]


def _mean_ndcg(users: Ints, ranks: Ints, songs: Ints, liked: pa.Table) -> float:
    """Of lists of which these are all that is liked."""
    columns = [pa.array(column) for column in (users, ranks, songs)]
    lists = pa.Table.from_arrays(columns, ["user_id", "rank", "song_id"])
    by_listener = worth.worth(lists, liked).values[:, 0]
    return float(by_listener.mean()) if len(by_listener) else 0.0
