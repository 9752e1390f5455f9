"""The models beside what one would run on one machine: seconds and MSE, same rows, same run.

    python -m bench.models --conf conf/sample.yaml bias latent_factor similarity

needs the tables ratings and bias_*. Prints JSON lines, one a contestant. Seconds are without the
start of Spark; where a contestant reads its rows itself, reading is a figure of its own.
"""

import argparse
from pathlib import Path

from bench.ladder import bias, latent_factor, similarity
from ymr_spark.pipeline import settings_file
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.runtime import session

RUNGS = {
    "bias": bias.compare,
    "latent_factor": latent_factor.compare,
    "similarity": similarity.compare,
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--conf", type=Path, required=True)
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments.add_argument("rungs", nargs="+", choices=RUNGS)
    options = arguments.parse_args()
    chosen = settings_file.load(options.conf, options.set)
    spark = session.build("bench models", chosen.spark_defaults)
    for rung in options.rungs:
        RUNGS[rung](spark, Warehouse(chosen.warehouse, chosen.raw.folder), chosen)
    spark.stop()


if __name__ == "__main__":
    main()
