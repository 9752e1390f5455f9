"""All lists judged: each model's, and those that are recommended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from ymr_spark.evaluation import list_quality, list_weights
from ymr_spark.evaluation.list_quality import Judged, ListQuality, ListSlice
from ymr_spark.evaluation.list_weights import ListWeight
from ymr_spark.evaluation.slicing import Slicing
from ymr_spark.lists import worth
from ymr_spark.lists.catalogue import Catalogue
from ymr_spark.lists.listeners import Listeners
from ymr_spark.models.arrays import CHANCES
from ymr_spark.models.ranker import Ranker
from ymr_spark.models.second_stage import SecondStage
from ymr_spark.records.leaderboard import Worths

# The name of the lists that jobs/recommend.py gives by default.
RECOMMENDED = "recommend"


@dataclass(frozen=True)
class Fits:
    """What makes the lists of one split, of which it has seen nothing.

    Attributes:
        listeners: whose lists are judged.
        rankers: by name.
        stars: puts candidates in order, by whatever weight and link; None where no model of stars
            can.
        catalogue: with the ratings that all were fitted to.
        oracle: (user_id, rank, song_id), the best lists that there can be, of some users; None
            where nobody knows them.
    """

    listeners: Listeners
    rankers: Mapping[str, Ranker]
    stars: SecondStage | None
    catalogue: Catalogue
    oracle: pa.Table | None = None


@dataclass(frozen=True)
class Judgement:
    """Rows of the tables ranking, ranking_slices and list_weights.

    Attributes:
        groups: by model, on test, see `list_quality.groups`.
        oracle: of the best lists on test, where they are known.
        ways: by model, how much of the way there is from most_popular to these.
    """

    quality: list[ListQuality]
    slices: list[ListSlice]
    weights: list[ListWeight]
    groups: dict[str, int]
    oracle: Worths | None
    ways: dict[str, float | None]


def judge(fits: Mapping[str, Fits], activity: Slicing, raters: int) -> Judgement:
    """Everything about the lists.

    Args:
        fits: by split; without any of validation the lists on test choose.
        raters: users with ratings.
    """
    lists = {
        split: of.listeners.lists([*of.rankers.values()], worth.LENGTH)
        for split, of in fits.items()
    }
    judged = {
        split: [_judged(of, name, table) for name, table in lists[split].items()]
        for split, of in fits.items()
    }
    choosing = "validation" if "validation" in fits else "test"
    weights = _weights(fits[choosing]) if choosing == "validation" else []
    if judged[choosing]:
        best = min(judged[choosing], key=lambda j: (-_ndcg(j), j.model)).model
        weight = next((w for w in weights if w.model == best), None)
        for split, of in fits.items():
            table = recommended(of, best, lists[split][best], weight)
            judged[split].append(replace(_judged(of, best, table), model=RECOMMENDED))
    everything = [j for split in fits for j in judged[split]]
    ordered = sorted(judged.get("test", []), key=lambda j: (-_ndcg(j), j.model))
    groups = zip((j.model for j in ordered), list_quality.groups(ordered), strict=True)
    oracle, ways = _ways(fits["test"], ordered) if "test" in fits else (None, {})
    return Judgement(
        [list_quality.quality(j, fits[j.split].catalogue, raters) for j in everything],
        [one for j in everything for one in _slices(j, fits[j.split], activity)],
        weights,
        dict(groups),
        oracle,
        ways,
    )


def _ways(fits: Fits, judged: Sequence[Judged]) -> tuple[Worths | None, dict[str, float | None]]:
    if fits.oracle is None:
        return None, {}
    users = np.unique(fits.oracle["user_id"].to_numpy())
    best = worth.of_users(worth.worth(fits.oracle, fits.listeners.liked), users)
    means = {j.model: list_quality.means(worth.of_users(j.worth, users)) for j in judged}
    oracle = list_quality.means(best)
    start = means["most_popular"].ndcg_100 if "most_popular" in means else None
    ways = {
        name: list_quality.way(mean.ndcg_100, start, oracle.ndcg_100)
        for name, mean in means.items()
    }
    return oracle, ways


def recommended(fits: Fits, best: str, plain: pa.Table, weight: ListWeight | None) -> pa.Table:
    """The lists by the best model's candidates, put in order with the stars; `plain`, those of
    that model alone, where there is no weight."""
    if weight is None or fits.stars is None:
        return plain
    model = fits.rankers[best]
    then = replace(fits.stars, link=model.link, weight=weight.weight)
    return fits.listeners.staged(model, then, worth.LENGTH)


def _weights(fits: Fits) -> list[ListWeight]:
    if fits.stars is None:
        return []
    return [
        list_weights.chosen(fits.listeners, model, replace(fits.stars, link=model.link))
        for model in fits.rankers.values()
        if model.link in CHANCES
    ]


def _judged(fits: Fits, name: str, table: pa.Table) -> Judged:
    listeners = fits.listeners
    found = worth.worth(table, listeners.liked)
    return Judged(name, listeners.split, found, table, len(fits.rankers[name].song_ids))


def _slices(judged: Judged, fits: Fits, activity: Slicing) -> list[ListSlice]:
    cold = list_quality.of_cold_songs(judged, fits.listeners.liked, fits.catalogue)
    return [*list_quality.by_activity(judged, activity), *cold]


def _ndcg(judged: Judged) -> float:
    values = judged.worth.values[:, 0]
    return float(values.mean()) if len(values) else 0.0
