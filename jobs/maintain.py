"""a warehouse -> a smaller one: what nothing needs any more is listed; --remove removes it."""

import argparse
import logging
import sys
from collections.abc import Sequence

from ymr_spark.pipeline import cli, maintenance, runs
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Maintained

log = logging.getLogger(__name__)


def run(warehouse: Warehouse, settings: Settings, remove: bool) -> Maintained:
    """List what nothing needs any more, and remove it where that is wanted."""
    found = maintenance.superseded(warehouse, settings.maintain.retention_hours)
    superseded = {kind: maintenance.size(files) for kind, files in found.items()}
    for kind, files in found.items():
        log.info("%s: %d files, %s", kind, len(files), maintenance.readable(superseded[kind]))
    if remove:
        maintenance.remove(warehouse, found)
    contents = maintenance.contents(warehouse)
    for kind, size in contents.items():
        log.info(
            "there %s: %s", "remains" if remove else "is", f"{kind}, {maintenance.readable(size)}"
        )
    return Maintained(
        status="removed" if remove else "to remove",
        rows=sum(map(len, found.values())),
        superseded=superseded,
        contents=contents,
    )


def locked(options: argparse.Namespace, warehouse: Warehouse, settings: Settings) -> Maintained:
    """`run` by the arguments: nothing else may run where something is removed."""
    if not options.remove:
        return run(warehouse, settings, remove=False)
    with runs.lock(warehouse, options.run_id):
        return run(warehouse.of_run(options.run_id), settings, remove=True)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = cli.parser(__doc__)
    arguments.add_argument(
        "--remove", action="store_true", help="remove it; without, it is only listed"
    )
    options = arguments.parse_args(argv)
    return cli.read_only("maintain", lambda w, s: locked(options, w, s), options)


if __name__ == "__main__":
    sys.exit(main())
