"""The ratings as `jobs/pack.py` has laid them out, proven to be those of the table of ratings."""

from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError
from ymr_spark.models.train_ratings import Layouts
from ymr_spark.packed_identity import Side
from ymr_spark.packing import Packed
from ymr_spark.pipeline import data_files, manifests
from ymr_spark.pipeline.publication import identities
from ymr_spark.pipeline.stages import PACKED_TABLES
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records import figures

BY_USER, BY_SONG = PACKED_TABLES
OWNERS: dict[str, Side] = {BY_USER: "user_id", BY_SONG: "song_id"}


def layouts(spark: SparkSession, warehouse: Warehouse) -> Layouts:
    """Both; raises as `by_user`."""
    return Layouts.of(by_user(spark, warehouse), by_song(spark, warehouse))


def by_user(spark: SparkSession, warehouse: Warehouse) -> Packed:
    """By whole users.

    Raises:
        DataContractError: they have not been packed, or other ratings have.
    """
    return _read(spark, warehouse, BY_USER)


def by_song(spark: SparkSession, warehouse: Warehouse) -> Packed:
    """By whole songs; raises as `by_user`."""
    return _read(spark, warehouse, BY_SONG)


def _read(spark: SparkSession, warehouse: Warehouse, table: str) -> Packed:
    found = packed(spark, warehouse, table)
    told = manifests.told("pack", warehouse, figures.Packed)
    version, expected = warehouse.rows_version("ratings"), identities(warehouse)
    if told is None or (told.ratings_version, told.splits) != (version, expected):
        raise DataContractError(
            f"{warehouse.path(table)}: not of version {version} of the ratings; run jobs/pack.py"
        )
    return found


def packed(spark: SparkSession, warehouse: Warehouse, table: str) -> Packed:
    """Whatever ratings one of the tables has."""
    files = data_files.of(spark, warehouse, table)
    return Packed(files.groups, warehouse.scale(), read=files.read)
