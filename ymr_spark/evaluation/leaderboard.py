"""The comparison of all models as one record."""

from collections.abc import Mapping, Sequence
from typing import Any

from ymr_spark.evaluation import metrics
from ymr_spark.evaluation.breakdown import Order
from ymr_spark.evaluation.list_judgement import Judgement
from ymr_spark.evaluation.metrics import Difference, Score
from ymr_spark.identity import Identity
from ymr_spark.records.leaderboard import (
    Errors,
    Leaderboard,
    ListFigures,
    ListStanding,
    Ordering,
    Standing,
)


def leaderboard(
    scored: Sequence[Score],
    pairs: Sequence[Difference],
    orders: Sequence[Order],
    lists: Judgement,
    fit_seconds: Mapping[str, float],
    fitted_to: Identity,
    splits: Mapping[str, Identity],
    floor_mse: float | None,
    at_edge: Mapping[str, Sequence[str]],
) -> Leaderboard:
    """The board of the models that have a score on test.

    Args:
        fitted_to: what all were fitted to in the end.
        splits: train, which they were chosen on, and test.
        floor_mse: the irreducible MSE of planted data.
        at_edge: of the models of which there are any, as in `Standing`.
    """
    train, test = splits["train"], splits["test"]
    rows: dict[str, Any] = {"train_rows": fitted_to.rows, "train_hash": fitted_to.hash}
    rows |= {"chosen_on_rows": train.rows, "chosen_on_hash": train.hash, "test_hash": test.hash}
    on_test = sorted((s for s in scored if s.split == "test"), key=lambda score: score.mse)
    groups = metrics.groups(on_test, [pair for pair in pairs if pair.split == "test"])
    ordered = {order.model: order for order in orders if order.split == "test"}
    entries = []
    for group, score in zip(groups, on_test, strict=True):
        name = score.model
        more: dict[str, Any] = {} if floor_mse is None else {"excess_mse": score.mse - floor_mse}
        more |= {"at_edge": tuple(at_edge[name])} if name in at_edge else {}
        entries.append(
            Standing(
                name=name,
                group=group,
                **score.model_dump(include={*Errors.model_fields}),
                **ordered[name].model_dump(include={*Ordering.model_fields}),
                **rows,
                fit_seconds=fit_seconds[name],
                **more,
            )
        )
    return Leaderboard(
        test_rows=test.rows,
        **rows,
        models=tuple(entries),
        lists=_lists(lists, fitted_to),
        **({} if floor_mse is None else {"floor_mse": floor_mse}),
        **({} if lists.oracle is None else {"oracle_lists": lists.oracle}),
    )


def _lists(judged: Judgement, fitted_to: Identity) -> tuple[ListStanding, ...]:
    """On test, the most NDCG@100 first."""
    validation = {q.model: q.ndcg_100 for q in judged.quality if q.split == "validation"}
    on_test = {q.model: q for q in judged.quality if q.split == "test"}
    return tuple(
        ListStanding(
            name=name,
            group=group,
            validation_ndcg_100=validation.get(name),
            way=judged.ways.get(name),
            train_rows=fitted_to.rows,
            train_hash=fitted_to.hash,
            **on_test[name].model_dump(include={*ListFigures.model_fields}),
        )
        for name, group in judged.groups.items()
    )
