"""packed ratings, songs, genres -> shards/: shuffled Parquet that training reads by itself."""

import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession

from ymr_spark.pipeline import cli, packed_tables
from ymr_spark.pipeline.publication import identities
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Exported
from ymr_spark.shards import indices, writing
from ymr_spark.store import atomically

SPLITS = ("train", "validation")


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Exported:
    """Write both splits into a new folder, read them back, swap it into place."""
    rated = packed_tables.by_user(spark, warehouse)
    index = indices.build(rated.of(*SPLITS), warehouse.load("songs"), warehouse.load("genres"))
    with atomically.replacing(warehouse.path("shards/")) as folder:
        contents = writing.write(
            folder,
            {split: rated.of(split) for split in SPLITS},
            index,
            identities(warehouse),
            ratings_version=warehouse.rows_version("ratings"),
            seed=settings.seed,
            **settings.shards.model_dump(),
        )
    sizes = {split: contents.splits[split].rows for split in SPLITS}
    return Exported(rows=sum(sizes.values()), **sizes, index_sizes=contents.index_sizes)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("export_shards", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
