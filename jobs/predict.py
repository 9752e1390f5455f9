"""models, ratings -> stars of given pairs on the terminal: what each model says, and why."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ymr_spark import answers, cli, publication, schemas, scoring
from ymr_spark.errors import SettingsError
from ymr_spark.models import explanation
from ymr_spark.models.factors import FactorModel, Ints, find
from ymr_spark.settings import Settings
from ymr_spark.warehouse import Warehouse

_NEIGHBORS = 5
_MOST_PAIRS = 10_000
Pairs = list[tuple[int, int]]


def predict(warehouse: Warehouse, pairs: Pairs, wanted: str | None) -> cli.Figures:
    """Score the pairs by all models, or by `wanted`; explain where there is one pair."""
    users, songs = np.array(pairs, np.int64).T
    registered = publication.all_registered(warehouse)
    names = _names(registered, wanted)
    needed = {*names, "bias", *(registered[n]["fallback"] for n in names)}
    factors = {
        n: publication.load(warehouse, n)
        for n in schemas.FACTOR_MODELS
        if n in needed & registered.keys()
    }
    bias = factors["bias"]
    scored = {n: scoring.stars(warehouse, registered[n], factors, users, songs) for n in names}
    rows = scoring.ratings_of(warehouse, users).to_pylist()
    actual = {(r["user_id"], r["song_id"]): (r["rating"], r["split"]) for r in rows}
    found = []
    for i, pair in enumerate(pairs):
        rating, split = actual.get(pair, (None, None))
        stars = {n: round(float(values[i]), 4) for n, (values, _) in scored.items()}
        cold = [n for n, (_, known) in scored.items() if not known[i]]
        answer = {"user": pair[0], "song": pair[1], "rating": rating, "split": split}
        found.append(answer | {"stars": stars, "fallback": cold} | _unknown(bias, *pair))
    figures = {"rows": len(pairs), "predictions": found}
    if len(pairs) > 1:
        answers.show_pairs(found, names)
        return figures
    rated = {r["song_id"]: r["rating"] for r in rows if r["split"] == "train"}
    why = _why(warehouse, {n: m for n, m in factors.items() if n in names}, pairs[0], rated)
    answers.show_one(found[0], why)
    return figures | why


def _names(published: Iterable[str], wanted: str | None) -> list[str]:
    if wanted is None:
        return sorted(published)
    if wanted not in published:
        raise SettingsError(f"--model {wanted}: expected one of {', '.join(sorted(published))}")
    return [wanted]


def _unknown(bias: FactorModel, user: int, song: int) -> dict[str, bool]:
    sides: dict[str, tuple[Ints, int]] = {
        "user": (bias.user_ids, user),
        "song": (bias.song_ids, song),
    }
    return {
        f"cold_{side}": not find(ids, np.array([wanted]))[1][0]
        for side, (ids, wanted) in sides.items()
    }


def _why(
    warehouse: Warehouse,
    models: Mapping[str, FactorModel],
    pair: tuple[int, int],
    rated: dict[int, int],
) -> dict[str, Any]:
    """The terms of each factor model, and the user's rated songs nearest to the song."""
    terms = {n: asdict(explanation.parts(model, *pair)) for n, model in models.items()}
    near, by = _nearest(warehouse, models, pair[1], rated)
    return {"terms": terms, "nearest": [asdict(n) for n in near], "nearest_by": by}


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


def _read(file: str) -> Pairs:
    """The pairs of a file; argparse turns the errors into exit code 2."""
    try:
        lines = Path(file).read_text().splitlines()
    except OSError as e:
        raise argparse.ArgumentTypeError(f"{file}: cannot be read ({e.strerror})") from e
    found = []
    for number, words in enumerate(map(str.split, lines), start=1):
        if len(words) != 2 or not all(w.isdecimal() and int(w) < 2**31 for w in words):
            raise argparse.ArgumentTypeError(
                f"{file}, line {number}: expected a user id and a song id, found {words}"
            )
        found.append((int(words[0]), int(words[1])))
    if not 1 <= len(found) <= _MOST_PAIRS:
        raise argparse.ArgumentTypeError(
            f"{file}: {len(found)} pairs, expected 1 to {_MOST_PAIRS:,}"
        )
    return found


def main(argv: Sequence[str] | None = None) -> int:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--user", type=int, metavar="U")
    arguments.add_argument("--song", type=int, metavar="S")
    arguments.add_argument("--model", metavar="M", help="one model; without it, all")
    arguments.add_argument("--pairs", type=_read, metavar="FILE", help="a user and song id a line")
    options = arguments.parse_args(argv)
    one = (options.user is not None) + (options.song is not None)
    if one != (0 if options.pairs else 2):
        arguments.error("expected --user U --song S, or --pairs FILE")
    pairs = options.pairs or [(options.user, options.song)]

    def look(warehouse: Warehouse, settings: Settings) -> cli.Figures:
        return predict(warehouse, pairs, options.model)

    return cli.read_only("predict", look, options)


if __name__ == "__main__":
    sys.exit(main())
