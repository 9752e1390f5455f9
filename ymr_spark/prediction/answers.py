"""What the published models say about pairs of a user and a song, and why."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from ymr_spark.models import registry
from ymr_spark.models.arrays import Ints, find
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.pipeline import publication
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.prediction import explanation, scoring

_NEIGHBORS = 5
Pair = tuple[int, int]


class Published:
    """Some published models, with those that they fall back on."""

    def __init__(
        self,
        warehouse: Warehouse,
        registered: Mapping[str, Mapping[str, Any]],
        names: Collection[str],
    ) -> None:
        """
        Args:
            registered: schemas.MODELS rows of all published models, by name.
            names: of those to ask.
        """
        self.warehouse, self.registered, self.names = warehouse, registered, names
        needed = {*names, "bias", *(registered[n]["fallback"] for n in names)}
        self.factors = {
            n: publication.load_factors(warehouse, n)
            for n in registry.RANKING
            if n in needed & registered.keys()
        }

    def answers(self, pairs: Sequence[Pair], ratings: pa.Table) -> list[dict[str, Any]]:
        """For each pair: its actual rating and split, the stars of each model, the models that
        left it to their fallback, and whether the user or the song has no train ratings.

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
        found = []
        for i, pair in enumerate(pairs):
            rating, split = actual.get(pair, (None, None))
            stars = {n: round(float(values[i]), 4) for n, (values, _) in scored.items()}
            cold = [n for n, (_, known) in scored.items() if not known[i]]
            answer = {"user": pair[0], "song": pair[1], "rating": rating, "split": split}
            unknown = _unknown(self.factors["bias"], *pair)
            found.append(answer | {"stars": stars, "fallback": cold} | unknown)
        return found

    def why(self, pair: Pair, ratings: pa.Table) -> dict[str, Any]:
        """The terms of each factor model, and the user's rated songs nearest to the song."""
        models = {n: m for n, m in self.factors.items() if n in self.names}
        terms = {n: asdict(explanation.parts(m, *pair)) for n, m in models.items()}
        rated = {r["song_id"]: r["rating"] for r in ratings.to_pylist() if r["split"] == "train"}
        near, by = _nearest(self.warehouse, models, pair[1], rated)
        return {"terms": terms, "nearest": [asdict(n) for n in near], "nearest_by": by}


def _unknown(bias: FactorModel, user: int, song: int) -> dict[str, bool]:
    sides: dict[str, tuple[Ints, int]] = {
        "user": (bias.user_ids, user),
        "song": (bias.song_ids, song),
    }
    return {
        f"cold_{side}": not find(ids, np.array([wanted]))[1][0]
        for side, (ids, wanted) in sides.items()
    }


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
