"""ratings -> constant_*, user_lean_*, bias_*, predictions: the models without tastes."""

import logging
import sys
import time
from collections.abc import Sequence

import numpy as np
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import cli
from ymr_spark.models import bias, user_lean
from ymr_spark.models.blocks import user_blocks
from ymr_spark.models.constant import constant
from ymr_spark.publication import publish
from ymr_spark.settings import Settings
from ymr_spark.warehouse import Warehouse

log = logging.getLogger(__name__)


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Fit the three on the train split and publish them."""
    train = warehouse.read(spark, "ratings").where(F.col("split") == "train")
    started = time.monotonic()
    blocks = user_blocks(train)
    parameters = settings.bias.model_dump()
    model, moves = bias.fit(blocks, **parameters)
    seconds = time.monotonic() - started
    log.info("fitted in %.1f s, %d iterations", seconds, len(moves))
    lean, threshold = user_lean.fit(blocks, model, settings.bias.user_damping)
    lean_seconds = time.monotonic() - started
    blocks.unpersist()
    figures = publish(spark, warehouse, model, None, fit_seconds=seconds, parameters=parameters)
    baseline = constant(model)
    figures["constant"] = publish(
        spark, warehouse, baseline, None, fit_seconds=seconds, parameters={}
    )
    figures["user_lean"] = publish(
        spark,
        warehouse,
        lean,
        None,
        fit_seconds=lean_seconds,
        parameters={"damping": settings.bias.user_damping, "threshold": threshold},
    )
    return figures | {"moves": np.round(moves, 6).tolist()}


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("train_bias", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
