"""models, ratings -> stars of given pairs on the terminal: what each model says, and why."""

import sys
from collections.abc import Iterable, Sequence

import numpy as np

from ymr_spark.errors import SettingsError
from ymr_spark.models import registry
from ymr_spark.pipeline import cli, id_files, publication
from ymr_spark.pipeline.own_ids import OwnIds
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.prediction import scoring, terminal
from ymr_spark.prediction.answers import Answers, Explained, Pair, Published
from ymr_spark.store import locations


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


def _pairs(own: OwnIds, user: str | None, song: str | None, file: str | None) -> list[Pair]:
    """The numbers of the pairs of a file, or else of one user and one song."""
    if file is not None:
        return id_files.pairs(locations.of(file), own)
    (of_user,) = own.users.numbers([str(user)], lambda _: "--user")
    (of_song,) = own.songs.numbers([str(song)], lambda _: "--song")
    return [(of_user, of_song)]


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = cli.parser(__doc__)
    arguments.add_argument("--user", metavar="U", help="its own id")
    arguments.add_argument("--song", metavar="S", help="its own id")
    arguments.add_argument("--model", metavar="M", help="one model; without it, all")
    arguments.add_argument(
        "--pairs",
        metavar="FILE",
        help="a user's and a song's own id a line, a tab or blanks between",
    )
    options = arguments.parse_args(argv)
    one = (options.user is not None) + (options.song is not None)
    if one != (0 if options.pairs else 2):
        arguments.error("expected --user U --song S, or --pairs FILE")

    def look(warehouse: Warehouse, settings: Settings) -> Answers:
        own = OwnIds.of(warehouse)
        pairs = _pairs(own, options.user, options.song, options.pairs)
        return predict(warehouse, pairs, options.model)

    return cli.read_only("predict", look, options)


if __name__ == "__main__":
    sys.exit(main())
