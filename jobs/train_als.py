"""ratings, bias_* -> als_*, latent_factor_*, predictions: ALS, and offsets and factors together."""

import logging
import sys
import time
from collections.abc import Sequence

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import checkpoints, cli, provenance
from ymr_spark.models import als, latent_factor_training
from ymr_spark.models.blocks import song_blocks, user_blocks
from ymr_spark.publication import load, publish, train_identity
from ymr_spark.settings import Settings
from ymr_spark.warehouse import Warehouse

log = logging.getLogger(__name__)


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Fit `als` on the ratings as they are and `latent_factor` by iterations, publish both."""
    ratings = warehouse.read(spark, "ratings")
    train = ratings.where(F.col("split") == "train")
    bias = load(warehouse, "bias")

    spark.sparkContext.setCheckpointDir(str(warehouse.path("models/als/checkpoints/")))
    started = time.monotonic()
    section = settings.als.model_dump()
    log.info("fitting als, rank %d", settings.als.rank)
    model = als.fit(train, **section, seed=settings.seed)
    seconds = time.monotonic() - started
    log.info("fitted als in %.0f s", seconds)
    figures = {
        "als": publish(spark, warehouse, model, bias, fit_seconds=seconds, parameters=section)
    }

    started = time.monotonic()
    section = settings.latent_factor.model_dump()
    governed_by = {
        "rows": train_identity(warehouse),
        "seed": settings.seed,
        "code": provenance.code(__file__),
        **section,
    }
    model, curve = latent_factor_training.fit(
        user_blocks(train),
        song_blocks(train),
        bias,
        latent_factor_training.Rows.of(ratings.where(F.col("split") == "validation")),
        checkpoints.of_training(warehouse.path("models/latent_factor/checkpoints/"), governed_by),
        **section,
        seed=settings.seed,
    )
    seconds = time.monotonic() - started
    log.info("fitted latent_factor in %.0f s", seconds)
    figures["latent_factor"] = publish(
        spark, warehouse, model, bias, fit_seconds=seconds, parameters=section
    ) | {"learning_curve": curve}
    return {"rows": figures["als"]["rows"], **figures}


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("train_als", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
