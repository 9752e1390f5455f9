"""the recbole wheel -> raw files: MovieLens-100K in R2's layout, 10 ratings a user held out."""

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
HELD_OUT = 10  # as in R2


def run(_: SparkSession, warehouse: Warehouse, settings: Settings) -> Converted:
    # Ingest holds out validation rows by the same hash: another seed gives another choice.
    """Write the converted files below `raw/`."""
    files = movielens.convert(movielens.fetch(DOWNLOADS), HELD_OUT, settings.seed + 1)
    for name, text in files.items():
        atomically.write(warehouse.path("raw/") / name, text)
    lines = {name: text.count("\n") for name, text in files.items()}
    return Converted(rows=lines["train_0.txt"] + lines["test_0.txt"], lines=lines)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("convert_movielens", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
