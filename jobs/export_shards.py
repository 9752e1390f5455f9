"""ratings, songs, genres -> shards/: shuffled plain Parquet that training reads without Spark."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import atomically, cli
from ymr_spark.errors import DataContractError
from ymr_spark.publication import identities
from ymr_spark.ratings import identity_of, identity_sums
from ymr_spark.settings import Settings
from ymr_spark.shards import export, indices, manifest
from ymr_spark.warehouse import Warehouse

KEYS = ("user_id", "song_id", "rating")
SPLITS = ("train", "validation")


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Write both splits into a new folder, read them back, swap it into place."""
    ratings = warehouse.read(spark, "ratings")
    parts = {split: ratings.where(F.col("split") == split).select(*KEYS) for split in SPLITS}
    expected = identities(warehouse)
    index = indices.build(parts["train"], warehouse.load("songs"), warehouse.load("genres"))
    with atomically.replacing(warehouse.path("shards/")) as folder:
        indices.save(index.ids, folder / "indices")
        for split, rows in parts.items():
            count = export.row_group_count(split, expected[split]["rows"], **dict(settings.shards))
            grouped = export.grouped(rows, count, settings.seed)
            export.write(indices.indexed(grouped, index), folder / split)
        contents = manifest.Manifest(
            ratings_version=warehouse.pin("ratings"),
            seed=settings.seed,
            columns=indices.COLUMNS,
            index_sizes={name: len(values) for name, values in index.ids.items()},
            splits={split: _read_back(spark, folder / split, expected[split]) for split in SPLITS},
            files=manifest.files_of(folder),
        )
        (folder / manifest.NAME).write_text(contents.model_dump_json(indent=1))
    sizes = {split: contents.splits[split].rows for split in SPLITS}
    return {"rows": sum(sizes.values()), **sizes, "index_sizes": contents.index_sizes}


def _read_back(spark: SparkSession, folder: Path, expected: dict[str, Any]) -> manifest.Split:
    written = spark.read.parquet(str(folder))
    sums = written.agg(*identity_sums(), F.avg("rating").alias("mean_rating")).collect()[0]
    rows, content = identity_of(sums)
    if (rows, content) != (expected["rows"], expected["hash"]):
        raise DataContractError(
            f"{folder}: {rows} rows of hash {content} written, expected {expected}; "
            "run jobs/ingest.py --force, then this job again"
        )
    return manifest.Split(
        rows=rows,
        hash=content,
        mean_rating=sums["mean_rating"],
        row_groups=export.row_group_rows(folder),
    )


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("export_shards", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
