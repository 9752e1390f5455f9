"""What the published models say about pairs of a user and a song, and why."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa

from ymr_spark.models import registry
from ymr_spark.models.arrays import Ints, find
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.pipeline import publication
from ymr_spark.pipeline.own_ids import OwnIds
from ymr_spark.pipeline.publication import Registration
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.prediction import explanation, scoring
from ymr_spark.prediction.explanation import Parts
from ymr_spark.prediction.names import Names
from ymr_spark.records.figures import Figures
from ymr_spark.records.record import Record

_NEIGHBORS = 5
Pair = tuple[int, int]


class Answer(Record):
    """What is known and said of one pair.

    Attributes:
        user, song: their own ids, which are the numbers where the source has no others.
        title: the song's, where it is known.
        rating, split: the actual rating, where there is one.
        stars: of each model.
        fallback: the models that left it to their fallback.
        cold_user, cold_song: whether it has no train ratings.
    """

    user: int | str
    song: int | str
    title: str | None = None
    rating: float | None
    split: str | None
    stars: dict[str, float]
    fallback: tuple[str, ...]
    cold_user: bool
    cold_song: bool


class Answers(Figures):
    """Of pairs, in their order."""

    predictions: tuple[Answer, ...]


class Near(Record):
    """A song that the user rated, near to the one asked for; ids and title as in `Answer`.

    Attributes:
        rating: stars, by the user.
    """

    song_id: int | str
    title: str | None = None
    rating: float
    similarity: float


class Why(Record):
    """What a prediction is made of.

    Attributes:
        terms: of each factor model.
        nearest: the user's rated songs nearest to the song.
        nearest_by: what makes them near.
    """

    terms: dict[str, Parts]
    nearest: tuple[Near, ...]
    nearest_by: str | None


class Explained(Answers, Why):
    """The answer of one pair, and why."""


class Published:
    """Some published models, with those that they fall back on."""

    def __init__(
        self,
        warehouse: Warehouse,
        registered: Mapping[str, Registration],
        names: Collection[str],
    ) -> None:
        """
        Args:
            registered: all published models, by name.
            names: of those to ask.
        """
        self.warehouse, self.registered, self.names = warehouse, registered, names
        self.own = OwnIds.of(warehouse)
        needed = {*names, "bias", *(registered[n].fallback for n in names)}
        self.factors = {
            n: publication.load_factors(warehouse, n)
            for n in registry.RANKING
            if n in needed & registered.keys()
        }

    def answers(self, pairs: Sequence[Pair], ratings: pa.Table) -> tuple[Answer, ...]:
        """One for each pair.

        Args:
            ratings: schemas.RATINGS rows, all of the users.
        """
        users, songs = np.array(pairs, np.int64).T
        scored = {
            n: scoring.stars(self.warehouse, self.registered[n], self.factors, users, songs)
            for n in self.names
        }
        actual = {
            (r["user_id"], r["song_id"]): (round(r["rating"], 4), r["split"])
            for r in ratings.to_pylist()
        }
        names = Names(self.own, users.tolist(), songs.tolist())
        found = []
        for i, pair in enumerate(pairs):
            rating, split = actual.get(pair, (None, None))
            stars = {n: round(float(values[i]), 4) for n, (values, _) in scored.items()}
            cold = [n for n, (_, known) in scored.items() if not known[i]]
            found.append(
                Answer(
                    user=names.user(pair[0]),
                    song=names.song(pair[1]),
                    **names.title(pair[1]),
                    rating=rating,
                    split=split,
                    stars=stars,
                    fallback=tuple(cold),
                    cold_user=_is_cold(self.factors["bias"].user_ids, pair[0]),
                    cold_song=_is_cold(self.factors["bias"].song_ids, pair[1]),
                )
            )
        return tuple(found)

    def why(self, pair: Pair, ratings: pa.Table) -> Why:
        """What the prediction of a pair is made of."""
        models = {n: m for n, m in self.factors.items() if n in self.names}
        terms = {n: explanation.parts(m, *pair) for n, m in models.items()}
        splits = {split for name in self.names for split in self.registered[name].splits}
        rated = {r["song_id"]: r["rating"] for r in ratings.to_pylist() if r["split"] in splits}
        near, by = _nearest(self.warehouse, models, pair[1], rated)
        names = Names(self.own, (), [n.song_id for n in near])
        nearest = (
            Near(
                song_id=names.song(n.song_id),
                **names.title(n.song_id),
                rating=n.rating,
                similarity=n.similarity,
            )
            for n in near
        )
        return Why(terms=terms, nearest=tuple(nearest), nearest_by=by)


def _is_cold(known: Ints, wanted: int) -> bool:
    return not find(known, np.array([wanted]))[1][0]


def _nearest(
    warehouse: Warehouse,
    models: Mapping[str, FactorModel],
    song: int,
    rated: dict[int, int],
) -> tuple[list[explanation.Neighbor], str | None]:
    """By the neighbours' table or else by a model's factors; and by which of them."""
    if warehouse.version("similarity_neighbors") is not None:
        for row in scoring.neighbors_of(warehouse, np.array([song])).to_pylist():
            lists = np.array(row["neighbor_ids"]), np.array(row["similarities"])
            if near := explanation.by_similarity(*lists, rated, _NEIGHBORS):
                return near, "adjusted cosine of ratings"
    for name, model in models.items():
        if near := explanation.by_cosine(model, song, rated, _NEIGHBORS):
            return near, f"cosine of the factors of {name}"
    return [], None
