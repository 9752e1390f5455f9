"""ratings, bias model -> als_*, latent_factor_*, predictions: ALS with and without biases."""

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import cli
from ymr_spark.models import als
from ymr_spark.models.constant import constant
from ymr_spark.publication import load, publish
from ymr_spark.settings import Settings
from ymr_spark.warehouse import Warehouse

log = logging.getLogger(__name__)


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Fit `als` on raw ratings and `latent_factor` on bias residuals, publish both."""
    spark.sparkContext.setCheckpointDir(str(warehouse.path("models/als_checkpoints/")))
    train = warehouse.read(spark, "ratings").where(F.col("split") == "train")
    bias = load(spark, warehouse, "bias")
    zero = replace(constant(bias), name="als", mean=0.0)
    plain = train.select("user_id", "song_id", F.col("rating").cast("float").alias("target"))
    rungs = (
        (zero, plain, settings.als),
        (replace(bias, name="latent_factor"), als.residuals(train, bias), settings.latent_factor),
    )
    figures: cli.Figures = {}
    for base, targets, section in rungs:
        started = time.monotonic()
        log.info("fitting %s, rank %d", base.name, section.rank)
        model = als.fit(targets, base, **section.model_dump(), seed=settings.seed)
        figures[base.name] = publish(
            spark,
            warehouse,
            model,
            bias,
            fit_seconds=time.monotonic() - started,
            parameters=section.model_dump(),
        )
        log.info("fitted %s in %.1f s", base.name, figures[base.name]["fit_seconds"])
    return {"rows": figures["als"]["rows"], **figures}


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("train_als", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
