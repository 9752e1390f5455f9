"""models, ratings -> stars of given pairs on the terminal: what each model says, and why."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ymr_spark import ids
from ymr_spark.errors import SettingsError
from ymr_spark.models import registry
from ymr_spark.pipeline import cli, publication
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.prediction import scoring, terminal
from ymr_spark.prediction.answers import Answers, Explained, Pair, Published

_MOST_PAIRS = 10_000


def predict(warehouse: Warehouse, pairs: Sequence[Pair], wanted: str | None) -> Answers:
    """Score the pairs by all models of stars, or by `wanted`; explain where there is one pair."""
    registered = publication.all_registered(warehouse)
    names = _names(registered, wanted)
    models = Published(warehouse, registered, names)
    ratings = scoring.ratings_of(warehouse, np.array([user for user, _ in pairs]))
    found = models.answers(pairs, ratings)
    if len(pairs) > 1:
        terminal.show_pairs(found, names)
        return Answers(rows=len(pairs), predictions=found)
    why = models.why(pairs[0], ratings)
    terminal.show_one(found[0], why)
    return Explained(rows=1, predictions=found, **vars(why))


def _names(published: Iterable[str], wanted: str | None) -> list[str]:
    known = [name for name in published if registry.named(name).rates]
    if wanted is None:
        return sorted(known)
    if wanted not in known:
        raise SettingsError(f"--model {wanted}: expected one of {', '.join(sorted(known))}")
    return [wanted]


def _read(file: str) -> list[Pair]:
    """The pairs of a file; argparse turns the errors into exit code 2."""
    try:
        lines = ids.lines(Path(file), "--pairs takes a file of ids")
    except SettingsError as e:
        raise argparse.ArgumentTypeError(str(e)) from e
    if not 1 <= len(lines) <= _MOST_PAIRS:
        raise argparse.ArgumentTypeError(
            f"{file}: {len(lines)} pairs, expected 1 to {_MOST_PAIRS:,}"
        )
    return [_pair(file, number, words) for number, words in enumerate(lines, start=1)]


def _pair(file: str, line: int, words: Sequence[str]) -> Pair:
    wanted = f"{file}, line {line}: expected a user id and a song id"
    if len(words) != 2:
        raise argparse.ArgumentTypeError(f"{wanted}, found {words}")
    try:
        return ids.parse(words[0]), ids.parse(words[1])
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"{wanted}; {e}") from e


def _id(word: str) -> int:
    try:
        return ids.parse(word)
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from e


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = cli.parser(__doc__)
    arguments.add_argument("--user", type=_id, metavar="U")
    arguments.add_argument("--song", type=_id, metavar="S")
    arguments.add_argument("--model", metavar="M", help="one model; without it, all")
    arguments.add_argument("--pairs", type=_read, metavar="FILE", help="a user and song id a line")
    options = arguments.parse_args(argv)
    one = (options.user is not None) + (options.song is not None)
    if one != (0 if options.pairs else 2):
        arguments.error("expected --user U --song S, or --pairs FILE")
    pairs = options.pairs or [(options.user, options.song)]

    def look(warehouse: Warehouse, settings: Settings) -> Answers:
        return predict(warehouse, pairs, options.model)

    return cli.read_only("predict", look, options)


if __name__ == "__main__":
    sys.exit(main())
