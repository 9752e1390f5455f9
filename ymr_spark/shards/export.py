"""Rows as plain Parquet for training: in a seeded random order, in equal row groups."""

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.store.paths import of_disk

# Larger than any row group, so that a file never holds two.
_PARQUET_BLOCK_BYTES = 1 << 30
# A row's bin is the leading 16 bits of its key.
_BIN_SHIFT = 48


def row_group_count(split: str, rows: int, *, row_group_rows: int, row_groups_multiple: int) -> int:
    """The multiple of `row_groups_multiple` that gives nearest to `row_group_rows` in each.

    Raises:
        DataContractError: there are not enough rows for one in each.
    """
    if rows < row_groups_multiple:
        raise DataContractError(
            f"{split}: {rows} rows cannot fill {row_groups_multiple} row groups; "
            "lower shards.row_groups_multiple"
        )
    multiples = max(1, round(rows / row_group_rows / row_groups_multiple))
    return row_groups_multiple * min(multiples, rows // row_groups_multiple)


def grouped(rows: DataFrame, groups: int, seed: int) -> DataFrame:
    """The rows with `key`, a seeded hash of (user_id, song_id), and `row_group`, from 0.

    The groups cut the order of the keys into equal parts: their sizes differ by one row at
    most, on any number of cores. All rows of a group are in one partition.
    """
    keyed = rows.withColumn("key", F.xxhash64("user_id", "song_id", F.lit(seed)))
    keyed = keyed.withColumn("bin", F.shiftright("key", _BIN_SHIFT))
    return (
        keyed.join(F.broadcast(_ranges(keyed, groups)), on="bin", how="inner")
        .where(F.col("key").between(F.col("low"), F.col("high")))
        .select(*rows.columns, "key", "row_group")
        .repartition(groups, "row_group")
    )


def write(rows: DataFrame, folder: Path) -> None:
    """Write `grouped` rows in the order of their keys: a file of one row group for each group."""
    staging = folder / ".staging"
    ordered = rows.sortWithinPartitions("row_group", "key", "user_id", "song_id").drop("key")
    writer = ordered.write.partitionBy("row_group")
    writer.option("parquet.block.size", _PARQUET_BLOCK_BYTES).parquet(of_disk(staging))
    for file in staging.glob("row_group=*/*.parquet"):
        group = int(file.parent.name.partition("=")[2])
        file.rename(folder / f"row-group-{group:05d}.parquet")
    shutil.rmtree(staging)


def row_group_rows(folder: Path) -> dict[str, int]:
    """The rows of each file of the folder, which holds one row group.

    Raises:
        DataContractError: Spark cut a file into several row groups.
    """
    rows = {}
    for file in sorted(folder.glob("*.parquet")):
        footer = pq.read_metadata(file)
        if footer.num_row_groups != 1:
            raise DataContractError(
                f"{file}: {footer.num_row_groups} row groups, expected 1; "
                "lower shards.row_group_rows"
            )
        rows[file.name] = footer.num_rows
    return rows


def _ranges(keyed: DataFrame, groups: int) -> DataFrame:
    """One row per (row_group, bin): the bounds, both inclusive, of the group's keys."""
    bounds = pairwise([-(2**63), *_first_keys(keyed, groups), 2**63])
    rows = [(group, low, high - 1) for group, (low, high) in enumerate(bounds)]
    frame = keyed.sparkSession.createDataFrame(rows, "row_group int, low long, high long")
    bins = (F.shiftright(bound, _BIN_SHIFT) for bound in ("low", "high"))
    return frame.withColumn("bin", F.explode(F.sequence(*bins)))


def _first_keys(keyed: DataFrame, groups: int) -> list[int]:
    """The smallest key of each row group but the first: exact quantiles without a sort.

    A histogram tells which bins the groups start in; only the keys of those are collected.
    """
    histogram = keyed.groupBy("bin").count().orderBy("bin").toArrow()
    bins, counts = (np.asarray(histogram.column(name)) for name in ("bin", "count"))
    ends = np.cumsum(counts)
    starts = np.arange(1, groups) * ends[-1] // groups
    cut = np.searchsorted(ends, starts, side="right")
    chosen = np.unique(cut)
    keys = keyed.where(F.col("bin").isin(bins[chosen].tolist())).select("key").toArrow()
    collected = np.sort(np.asarray(keys.column("key")))
    left_out = ends[chosen] - np.cumsum(counts[chosen])
    return [int(key) for key in collected[starts - left_out[np.searchsorted(chosen, cut)]]]
