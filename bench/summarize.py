"""All summary tables against Spark's describe() of the same ratings, in one run.

    python -m bench.summarize --conf conf/full.yaml [--set warehouse=DIR] [--runs 3]

prints one JSON line a run (seconds of both, the session being up and the table read once) and
their ratio. The warehouse must have been packed; its summary tables are left alone.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import SparkSession

from jobs import summarize
from ymr_spark.pipeline import settings_file, stages
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.runtime import session

_READ = ("ratings", *stages.PACKED_TABLES, "songs", "genres")


def compared(spark: SparkSession, settings_: Settings) -> dict[str, float]:
    """One run of each: describe() first, and so it alone pays for what is still cold."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tables = Path(folder, "tables")
        tables.mkdir()
        for table in _READ:
            (tables / table).symlink_to(
                Path(str(Warehouse(settings_.warehouse).path(table))).resolve()
            )
        (Path(folder) / "runs").symlink_to(Path(str(settings_.warehouse), "runs").resolve())
        scratch = Warehouse(Path(folder))
        describe = _seconds(lambda: scratch.read(spark, "ratings").describe().collect())
        summary = _seconds(lambda: summarize.run(spark, scratch, settings_))
    return {
        "describe_seconds": round(describe, 1),
        "summarize_seconds": round(summary, 1),
        "ratio": round(summary / describe, 2),
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--conf", type=Path, required=True)
    arguments.add_argument("--set", action="append", default=[])
    arguments.add_argument("--runs", type=int, default=3)
    options = arguments.parse_args()
    settings_ = settings_file.load(options.conf, options.set)
    spark = session.build("bench summarize", settings_.spark_defaults)
    try:
        Warehouse(settings_.warehouse).read(spark, "ratings").count()
        for _ in range(options.runs):
            print(json.dumps(compared(spark, settings_)), flush=True)
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
