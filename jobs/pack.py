"""ratings -> packed_by_user, packed_by_song: laid out once for all that read them often."""

import logging
import sys
from collections.abc import Sequence
from functools import partial

from pyspark.sql import DataFrame, SparkSession

from ymr_spark import grouping, packed_identity
from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import cli, data_files, packed_tables
from ymr_spark.pipeline.packed_tables import BY_SONG, BY_USER, OWNERS
from ymr_spark.pipeline.publication import identities
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Packed
from ymr_spark.store.parquet import WRITTEN

log = logging.getLogger(__name__)
_FILE_RATINGS = 1 << 22
# Small data, too, are to have work for some cores.
_LEAST_FILES = 4
# Of users whom no other file has: as many are sorted in a task at once.
_MOST_TOGETHER = 1 << 23


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Packed:
    """Pack by user, from there by song; hold the content of both against that of the ratings."""
    expected = identities(warehouse)
    rows = sum(split.rows for split in expected.values())
    files = max(_LEAST_FILES, rows // _FILE_RATINGS)
    warehouse.commit(_by_user(spark, warehouse, files), BY_USER)
    log.info("packed by user")
    dealt = data_files.of(spark, warehouse, BY_USER).map(grouping.deal_by_others, grouping.DEALT)
    warehouse.commit(_packed(warehouse, dealt, BY_SONG, files), BY_SONG)
    log.info("packed by song")
    for table, owner in OWNERS.items():
        found = packed_identity.identities(packed_tables.packed(spark, warehouse, table), owner)
        if found != expected:
            raise DataContractError(
                f"{warehouse.path(table)}: {found}, where ratings has {expected}; run again"
            )
    return Packed(rows=rows, splits=expected, ratings_version=warehouse.rows_version("ratings"))


def _by_user(spark: SparkSession, warehouse: Warehouse, files: int) -> DataFrame:
    """Without a shuffle, where ingest has left each user's rows in a few files with few others."""
    scale, groups = warehouse.scale(), data_files.apart(warehouse, "ratings", "user_id")
    if all(rows <= _MOST_TOGETHER for _, rows in groups):
        together = data_files.of(spark, warehouse, "ratings", [paths for paths, _ in groups])
        pack = partial(grouping.pack_by_user, scale=scale)
        return together.map(warehouse.writer(BY_USER, pack), WRITTEN)
    deal = partial(grouping.deal_by_user, scale=scale)
    dealt = data_files.of(spark, warehouse, "ratings").map(deal, grouping.DEALT)
    return _packed(warehouse, dealt, BY_USER, files)


def _packed(warehouse: Warehouse, dealt: DataFrame, table: str, files: int) -> DataFrame:
    write = warehouse.writer(table, grouping.pack)
    return grouping.by_bucket(dealt, files).mapInArrow(write, WRITTEN)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("pack", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
