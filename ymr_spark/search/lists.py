"""Models that only rank, judged by the lists that they make for held-out rows."""

from typing import Any

from ymr_spark.lists import worth
from ymr_spark.lists.listeners import Listeners
from ymr_spark.models.fitted import RatingModel
from ymr_spark.packing import Packed
from ymr_spark.records.learning_curve import Curve, Point

_USERS = 5_000


def listeners(rated: Packed, seed: int) -> Listeners:
    """Some users of ratings packed by user, whose validation rows are to be found by what has
    seen those of train."""
    return Listeners.of(rated, "validation", ["train"], users=_USERS, seed=seed)


def listed(model: RatingModel[Any], asked: Listeners) -> Curve:
    """One point: the mean NDCG@100 of its lists."""
    lists = asked.lists([model.scorer.ranker], worth.LENGTH)[model.scorer.name]
    found = worth.worth(lists, asked.liked).values[:, 0]
    ndcg = float(found.mean()) if len(found) else None
    return [Point(epoch=1, train_mse=None, validation_mse=None, validation_ndcg=ndcg)]
