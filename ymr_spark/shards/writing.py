"""A folder of shards out of ratings: written, read back, and told of in its inventory."""

from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.ratings import COLUMNS, identity_of, identity_sums, scale_of
from ymr_spark.scale import Scale
from ymr_spark.shards import export, indices, inventory
from ymr_spark.shards.indices import Index
from ymr_spark.store.paths import of_disk


def write(
    folder: Path,
    splits: Mapping[str, DataFrame],
    index: Index,
    expected: Mapping[str, Identity],
    *,
    ratings_version: int,
    seed: int,
    row_group_rows: int,
    row_groups_multiple: int,
) -> inventory.Inventory:
    """Write (user_id, song_id, rating) rows by split into a new folder; return its inventory.

    Args:
        expected: of each split.

    Raises:
        DataContractError: what was written is not what was expected.
    """
    indices.save(index.ids, folder / "indices")
    for split, rows in splits.items():
        count = export.row_group_count(
            split,
            expected[split].rows,
            row_group_rows=row_group_rows,
            row_groups_multiple=row_groups_multiple,
        )
        grouped = export.grouped(rows.select(*COLUMNS), count, seed)
        export.write(indices.indexed(grouped, index), folder / split)
    train = splits["train"]
    scale = scale_of(train)
    contents = inventory.Inventory(
        ratings_version=ratings_version,
        seed=seed,
        scale=scale,
        columns=indices.COLUMNS,
        index_sizes={name: len(values) for name, values in index.ids.items()},
        splits={
            split: _read_back(train.sparkSession, folder, split, scale, expected[split])
            for split in splits
        },
        files=inventory.files_of(folder),
    )
    (folder / inventory.NAME).write_text(contents.model_dump_json(indent=1))
    return contents


def _read_back(
    spark: SparkSession, folder: Path, split: str, scale: Scale, expected: Identity
) -> inventory.SplitShards:
    written = spark.read.parquet(of_disk(folder / split))
    sums = written.agg(*identity_sums(scale), F.avg("rating").alias("mean_rating")).collect()[0]
    found = identity_of(sums)
    if found != expected:
        raise DataContractError(
            f"{folder / split}: {found} written, expected {expected}; "
            "run jobs/ingest.py --force, then this job again"
        )
    return inventory.SplitShards(
        rows=found.rows,
        hash=found.hash,
        mean_rating=sums["mean_rating"],
        row_groups={
            f"{split}/{file}": rows for file, rows in export.row_group_rows(folder / split).items()
        },
    )
