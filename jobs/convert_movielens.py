"""the recbole wheel -> raw files: MovieLens-100K in the layout of its later releases."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import SparkSession

from ymr_spark.pipeline import cli
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Converted
from ymr_spark.sources import movielens
from ymr_spark.store import atomically

DOWNLOADS = Path("build/downloads")


def run(_: SparkSession, warehouse: Warehouse, __: Settings) -> Converted:
    """Write the converted files below `raw/`."""
    files = movielens.convert(movielens.fetch(DOWNLOADS))
    for name, text in files.items():
        atomically.write(warehouse.path("raw/") / name, text)
    lines = {name: text.count("\n") for name, text in files.items()}
    return Converted(rows=lines["ratings.csv"] - 1, lines=lines)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("convert_movielens", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
