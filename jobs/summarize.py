"""packed ratings, songs, genres -> summary_*: what they look like, from two scans of them."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import cli, packed_tables
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Figures
from ymr_spark.statistics import correlation, genres, members, scans


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Figures:
    """Scan the ratings twice, and write the summary tables."""

    def kept(frame: DataFrame, table: str) -> DataFrame:
        warehouse.write(frame, table)
        return warehouse.read(spark, table)

    songs, tree = (warehouse.read(spark, table) for table in ("songs", "genres"))
    scale = warehouse.scale()
    users = kept(scans.by_user(packed_tables.by_user(spark, warehouse)), "summary_users")
    by_song = packed_tables.by_song(spark, warehouse)
    per_song = kept(scans.by_song(by_song, users), "summary_songs")
    cells = kept(genres.cube(per_song, songs, tree, scale), "summary_genre_ratings")
    rows = _same_total(users, cells)

    warehouse.save(genres.columns(cells).toArrow(), "summary_columns")
    warehouse.save(genres.values(cells).toArrow(), "summary_values")
    warehouse.save(genres.sizes(cells, songs, tree).toArrow(), "summary_genres")
    warehouse.save(genres.top_ten(cells).toArrow(), "summary_top_genres")
    placed = songs.join(tree, "genre_id", how="inner")
    matrices = correlation.matrices(users, per_song, placed, scale)
    warehouse.save(_long(matrices), "summary_correlations")
    histogram = kept(members.tails(users, per_song), "summary_tails")
    warehouse.save(members.concentration(histogram).toArrow(), "summary_concentration")
    warehouse.save(members.lean(users, scale).toArrow(), "summary_lean")
    return Figures(rows=rows)


def _same_total(users: DataFrame, cells: DataFrame) -> int:
    rows = _sum(users, scans.total())
    known = _sum(cells.where(F.col("split") != scans.TRAIN_FILES), F.col("count"))
    if rows != known:
        raise DataContractError(
            f"{rows - known} of {rows} ratings are of songs that the tables songs and genres do "
            "not place; run jobs/ingest.py again on complete song and genre files"
        )
    return rows


def _sum(frame: DataFrame, column: Column) -> int:
    return int(frame.agg(F.coalesce(F.sum(column), F.lit(0))).collect()[0][0])


def _long(matrices: Mapping[str, correlation.Matrix]) -> Iterator[dict[str, Any]]:
    names = correlation.COLUMNS
    for split, matrix in matrices.items():
        for i, x in enumerate(names):
            for j, y in enumerate(names):
                value = None if np.isnan(matrix[i, j]) else float(matrix[i, j])
                yield {"split": split, "column": x, "other": y, "correlation": value}


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("summarize", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
