"""How good models' lists of songs are: means over users, and which the users cannot tell apart.

Intervals are normal ones over users: of a mean by its standard error, of the difference of two
models by that of the users' differences. There is none where the users are too few, see
`certainty`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ymr_spark.evaluation import certainty
from ymr_spark.evaluation.slicing import Slicing
from ymr_spark.lists import worth
from ymr_spark.lists.catalogue import Catalogue
from ymr_spark.lists.lists import shared
from ymr_spark.lists.worth import Worth
from ymr_spark.models.arrays import Flags, Floats, find
from ymr_spark.records.leaderboard import ListFigures, Worths

_WIDTH = 1.96  # standard errors, for 95 %
_ALIKE_USERS = 1_000  # whose lists are compared pair by pair


class ListQuality(ListFigures):
    """A schemas.RANKING row."""

    model: str
    split: str


class ListSlice(Worths):
    """A schemas.RANKING_SLICES row."""

    model: str
    split: str
    slice: str
    bin: int
    label: str


@dataclass(frozen=True)
class Judged:
    """The lists of one model on one split."""

    model: str
    split: str
    worth: Worth
    lists: pa.Table  # (user_id, rank, song_id), at most worth.LENGTH a user
    songs: int  # that could have been listed


def quality(judged: Judged, catalogue: Catalogue, raters: int) -> ListQuality:
    """All of it.

    Args:
        raters: users with ratings that models were fitted to.
    """
    users, songs = (judged.lists[name].to_numpy() for name in ("user_id", "song_id"))
    position, known = find(catalogue.song_ids, songs)
    # As if one more user had rated it, since nobody has rated some.
    rated = np.where(known, catalogue.ratings[position], 0) + 1
    few = users < np.unique(users)[:_ALIKE_USERS][-1] + 1 if len(users) else users > 0
    return ListQuality(
        model=judged.model,
        split=judged.split,
        **means(judged.worth).model_dump(),
        coverage=len(np.unique(songs)) / judged.songs,
        novelty=float(np.mean(np.log2((raters + 1) / rated))) if len(songs) else 0.0,
        shared=shared(users[few], songs[few]),
    )


def by_activity(judged: Judged, activity: Slicing) -> list[ListSlice]:
    """One for each bin that has users."""
    bins = activity.of(judged.worth.users)
    return [
        _slice(judged, _where(judged.worth, bins == number), "activity", number, label)
        for number, label in enumerate(activity.labels)
        if (bins == number).any()
    ]


def of_cold_songs(judged: Judged, liked: pa.Table, catalogue: Catalogue) -> list[ListSlice]:
    """The same lists by the liked songs without ratings that models were fitted to; none where
    nobody liked any.

    Args:
        liked: as for `worth.worth`.
    """
    songs = liked["song_id"].to_numpy()
    cold = liked.filter(pa.array(~np.isin(songs, catalogue.rated().song_ids)))
    if not cold.num_rows:
        return []
    return [_slice(judged, worth.worth(judged.lists, cold), "popularity", 0, "0")]


def groups(judged: Sequence[Judged]) -> list[int]:
    """The group of each model of one split, 1 for the best; `judged` by NDCG@100 descending.

    A model that cannot be told apart from the first of a group belongs to it: the interval of
    the mean of the users' differences includes 0, or there is none.
    """
    found: list[int] = []
    first = judged[0] if judged else None
    for one in judged:
        assert first is not None
        if found and _worse(one.worth, first.worth):
            first = one
            found.append(found[-1] + 1)
        else:
            found.append(found[-1] if found else 1)
    return found


def way(of: float | None, start: float | None, oracle: float | None) -> float | None:
    """How much of the way from `start` to the oracle there is to `of`."""
    if of is None or start is None or oracle is None or oracle <= start:
        return None
    return (of - start) / (oracle - start)


def _worse(one: Worth, other: Worth) -> bool:
    less = other.values[:, 0] - one.values[:, 0]
    _, low, _ = _interval(less)
    differing = np.count_nonzero(less)
    return low is not None and low > 0 and differing >= certainty.LEAST_USERS


def means(found: Worth) -> Worths:
    """Over the users."""
    if not len(found.users):
        return Worths.model_validate({**dict.fromkeys(Worths.model_fields), "users": 0})
    _, low, high = _interval(found.values[:, 0])
    values = dict(zip(worth.NAMES, found.values.mean(axis=0).tolist(), strict=True))
    return Worths(users=len(found.users), **values, ndcg_100_low=low, ndcg_100_high=high)


def _where(found: Worth, chosen: Flags) -> Worth:
    return Worth(found.users[chosen], found.values[chosen])


def _slice(judged: Judged, found: Worth, name: str, number: int, label: str) -> ListSlice:
    place: Mapping[str, Any] = {"slice": name, "bin": number, "label": label}
    return ListSlice(model=judged.model, split=judged.split, **place, **means(found).model_dump())


def _interval(values: Floats) -> tuple[float, float | None, float | None]:
    mean, users = float(values.mean()), len(values)
    if not certainty.enough(users, users):
        return mean, None, None
    error = float(values.std(ddof=1)) / math.sqrt(users)
    return mean, mean - _WIDTH * error, mean + _WIDTH * error
