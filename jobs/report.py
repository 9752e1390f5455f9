"""summary_*, slices, leaderboard.json, … -> reports/index.html: one page to read and print."""

import sys
from collections.abc import Sequence

import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import certificate, cli, manifests, stages
from ymr_spark.pipeline.own_ids import OwnIds
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Ingested, Recommended, Reported
from ymr_spark.records.leaderboard import Leaderboard
from ymr_spark.records.manifest import Manifest
from ymr_spark.report import about_comparison, page
from ymr_spark.report.card import TableRow, TableRows
from ymr_spark.store import atomically

REPORT = "reports/index.html"
_SAMPLE = 20


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Reported:
    """Read the small tables and reports, and write the page."""
    board = Leaderboard.of_json(warehouse.path("reports/leaderboard.json").read_bytes())
    tables: dict[str, TableRows] = {
        name: warehouse.load(name).to_pylist() for name in stages.SUMMARY_TABLES
    }
    for name in ("slices", "orders"):
        tables[name] = warehouse.load(name, ds.field("split") == "test").to_pylist()
    for name in stages.ON_REQUEST_TABLES:
        there = warehouse.version(name) is not None
        tables[name] = warehouse.load(name).to_pylist() if there else []
    tables["sample"] = _sample(spark, warehouse, about_comparison.rivals(board))
    found = [manifests.latest(s.name, warehouse) for s in stages.pipeline(settings)]
    finished = [manifest for manifest in found if manifest is not None]
    tables |= _own_ids(warehouse, tables["sample"], finished)
    quarantined = (
        warehouse.read(spark, "quarantine")
        .groupBy("file", "reason")
        .agg(F.count("*").alias("lines"), F.min("raw").alias("example"))
        .orderBy("file", "reason")
    )
    source = page.Source(
        settings.raw.source,
        str(settings.raw.place),
        _ingested(warehouse),
        _rows(quarantined),
        warehouse.scale(),
    )
    html = page.render(source, tables, board, finished, certificate.read(warehouse))
    atomically.write(warehouse.path(REPORT), html)
    return Reported(rows=board.test_rows, bytes=len(html))


def _own_ids(
    warehouse: Warehouse, sample: TableRows, finished: Sequence[Manifest]
) -> dict[str, TableRows]:
    """Of the users and songs that the page shows."""
    own = OwnIds.of(warehouse)
    lists = [m.figures.described for m in finished if isinstance(m.figures, Recommended)]
    examples = [example.user_id for each in lists for example in each.examples]
    return {
        "user_ids": own.users.rows([*examples, *(row["user_id"] for row in sample)]),
        "song_ids": own.songs.rows([row["song_id"] for row in sample]),
    }


def _ingested(warehouse: Warehouse) -> Ingested:
    if told := manifests.told("ingest", warehouse, Ingested):
        return told
    raise DataContractError(
        f"{warehouse.root / 'runs'}: no manifest of ingest; run jobs/ingest.py --force"
    )


def _rows(frame: DataFrame) -> list[TableRow]:
    return [row.asDict() for row in frame.collect()]


def _sample(spark: SparkSession, warehouse: Warehouse, models: Sequence[str]) -> list[TableRow]:
    """Test ratings, the same in every run, with each model's prediction under its name."""
    keys = ["user_id", "song_id"]
    test = warehouse.read(spark, "ratings").where(F.col("split") == "test")
    rows = test.orderBy(F.xxhash64(*keys), *keys).limit(_SAMPLE).select(*keys, "rating")
    predictions = warehouse.read(spark, "predictions").where(F.col("split") == "test")
    for model in models:
        own = predictions.where(F.col("model") == model)
        rows = rows.join(own.select(*keys, F.col("prediction").alias(model)), keys, how="inner")
    return _rows(rows.orderBy(*keys))


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("report", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
