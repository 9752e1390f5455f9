"""models, ratings -> stars of given pairs on the terminal: what each model says, and why."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Table

from ymr_spark import cli, publication, schemas, scoring
from ymr_spark.errors import SettingsError
from ymr_spark.models import explanation
from ymr_spark.models.factors import FactorModel, Ints, find
from ymr_spark.settings import Settings
from ymr_spark.warehouse import Warehouse

_NEIGHBORS = 5
_MOST_PAIRS = 10_000
Pairs = list[tuple[int, int]]


def predict(
    spark: SparkSession, warehouse: Warehouse, pairs: Pairs, wanted: str | None
) -> cli.Figures:
    """Score the pairs by all models, or by `wanted`; explain where there is one pair."""
    users, songs = np.array(pairs, np.int64).T
    names = _names(spark, warehouse, wanted)
    bias = publication.load(spark, warehouse, "bias")
    scored = {n: scoring.stars(spark, warehouse, n, users, songs) for n in names}
    rows = scoring.ratings_of(warehouse.read(spark, "ratings"), users).collect()
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
        _show_pairs(found, names)
        return figures
    rated = {r["song_id"]: r["rating"] for r in rows if r["split"] == "train"}
    why = _why(spark, warehouse, names, pairs[0], rated)
    _show_one(found[0], why)
    return figures | why


def _names(spark: SparkSession, warehouse: Warehouse, wanted: str | None) -> list[str]:
    published = sorted(row["model"] for row in warehouse.read(spark, "models").collect())
    if wanted is not None and wanted not in published:
        raise SettingsError(f"--model {wanted}: expected one of {', '.join(published)}")
    return [wanted] if wanted is not None else published


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
    spark: SparkSession,
    warehouse: Warehouse,
    names: list[str],
    pair: tuple[int, int],
    rated: dict[int, int],
) -> dict[str, Any]:
    """The terms of each factor model, and the user's rated songs nearest to the song."""
    factors = [n for n in names if n in schemas.FACTOR_MODELS]
    models = {n: publication.load(spark, warehouse, n) for n in factors}
    terms = {n: asdict(explanation.parts(model, *pair)) for n, model in models.items()}
    near = []
    if warehouse.version("similarity_neighbors") is not None:
        table = warehouse.read(spark, "similarity_neighbors")
        for row in table.where(F.col("song_id") == pair[1]).collect():
            lists = np.array(row["neighbor_ids"]), np.array(row["similarities"])
            near = explanation.by_similarity(*lists, rated, _NEIGHBORS)
    by = "adjusted cosine of ratings"
    for name in () if near else models:
        near = near or explanation.by_cosine(models[name], pair[1], rated, _NEIGHBORS)
        by = f"cosine of the factors of {name}"
    return {"terms": terms, "nearest": [asdict(n) for n in near], "nearest_by": by}


def _show_one(answer: dict[str, Any], why: dict[str, Any]) -> None:
    console = Console(width=None if Console().is_terminal else 100)
    known = f"rated {answer['rating']} ({answer['split']})" if answer["rating"] else "not rated"
    table = Table(title=f"user {answer['user']}, song {answer['song']}: {known}")
    for column in ("model", "stars", "= mean", "+ user", "+ song", "+ taste", ""):
        table.add_column(column, justify="left" if column in ("model", "") else "right")
    for name, stars in answer["stars"].items():
        terms = [_signed(v) for v in why["terms"].get(name, {}).values()] or [""] * 4
        note = "scored by its fallback" if name in answer["fallback"] else ""
        table.add_row(name, f"{stars:.2f}", *terms, note)
    console.print(table)
    for side in ("user", "song"):
        if answer[f"cold_{side}"]:
            console.print(
                f"Cold start: {side} {answer[side]} has no train ratings and adds nothing."
            )
    if why["nearest"]:
        console.print(f"Nearest songs that the user has rated, by {why['nearest_by']}:")
    for near in why["nearest"]:
        console.print(
            f"  song {near['song_id']}: rated {near['rating']}, "
            f"similarity {near['similarity']:+.3f}"
        )


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def _show_pairs(found: list[dict[str, Any]], names: list[str]) -> None:
    table = Table()
    for column in ("user", "song", "rating", *names):
        table.add_column(column, justify="right")
    for row in found:
        stars = [f"{row['stars'][n]:.2f}{'*' if n in row['fallback'] else ''}" for n in names]
        table.add_row(str(row["user"]), str(row["song"]), str(row["rating"] or "–"), *stars)
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table)
    console.print("* unknown to the model, scored by its fallback")


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

    def look(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
        return predict(spark, warehouse, pairs, options.model)

    return cli.read_only("predict", look, options)


if __name__ == "__main__":
    sys.exit(main())
