"""ratings, a model -> recommendations: the top K songs that each user has not rated."""

import logging
import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import cli, recommendation, schemas
from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.models.blocks import user_blocks
from ymr_spark.publication import load, train_identity
from ymr_spark.settings import Settings
from ymr_spark.warehouse import Warehouse

log = logging.getLogger(__name__)


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Rank every song for every user; check a sample of users against brute force."""
    k = settings.recommend.k
    name = _chosen(spark, warehouse, settings.recommend.model)
    log.info("top %d songs by %s", k, name)
    model = load(spark, warehouse, name)
    rated = warehouse.read(spark, "ratings").where(F.col("split") != "test")
    ranked = recommendation.recommend(user_blocks(rated), model, k)
    table = ranked.select(
        "*",
        F.format_string(f"{name}: %.2f stars predicted", F.least("score", F.lit(5.0))).alias(
            "reason"
        ),
        F.lit(name).alias("model"),
        F.lit(train_identity(warehouse)[1]).alias("train_hash"),
    )
    warehouse.write(table, "recommendations")
    written = warehouse.read(spark, "recommendations")
    users = rated.select("user_id").distinct().orderBy(F.xxhash64("user_id"), "user_id")
    sample = users.limit(settings.recommend.verified_users)
    wrong = recommendation.violations(
        written.join(sample, "user_id", how="leftsemi"),
        rated.join(sample, "user_id", how="leftsemi"),
        model,
        k,
    )
    if wrong:
        raise DataContractError(f"recommendations by {name}: {'; '.join(wrong[:5])}")
    return {"rows": written.count(), "model": name, "verified": settings.recommend.verified_users}


def _chosen(spark: SparkSession, warehouse: Warehouse, wanted: str) -> str:
    scored = warehouse.read(spark, "metrics").where(F.col("split") == "validation")
    names = [row["model"] for row in scored.orderBy("mse", "model").collect()]
    # The exact search is over offsets and factors, which `similarity` has not.
    names = [name for name in names if f"{name}_songs" in schemas.TABLES]
    if wanted == "best":
        return str(names[0])
    if wanted not in names:
        raise SettingsError(f"recommend.model={wanted}: expected best or one of {names}")
    return wanted


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("recommend", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
