"""ratings -> packed_by_user, packed_by_song: laid out once for all that read them often."""

import logging
import sys
from collections.abc import Sequence
from functools import partial

from pyspark.sql import SparkSession

from ymr_spark import grouping, packed_identity
from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import cli, data_files
from ymr_spark.pipeline.packed_tables import BY_SONG, BY_USER, OWNERS
from ymr_spark.pipeline.publication import identities
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Packed

log = logging.getLogger(__name__)
_FILE_RATINGS = 1 << 22
# Small data, too, are to have work for some cores.
_LEAST_FILES = 4


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Packed:
    """Pack by user, from there by song; hold the content of both against that of the ratings."""
    expected = identities(warehouse)
    rows = sum(split.rows for split in expected.values())
    files = max(_LEAST_FILES, rows // _FILE_RATINGS)
    deal = partial(grouping.deal_by_user, scale=warehouse.scale())
    dealt = data_files.map_in_arrow(spark, warehouse, "ratings", deal, grouping.DEALT)
    warehouse.write(grouping.packed(dealt, files), BY_USER)
    log.info("packed by user")
    warehouse.write(grouping.of_others(warehouse.read(spark, BY_USER), files), BY_SONG)
    log.info("packed by song")
    for table, owner in OWNERS.items():
        found = packed_identity.identities(warehouse.read(spark, table), owner)
        if found != expected:
            raise DataContractError(
                f"{warehouse.path(table)}: {found}, where ratings has {expected}; run again"
            )
    return Packed(rows=rows, splits=expected, ratings_version=warehouse.pin("ratings"))


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("pack", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
