"""summary_*, quarantine, leaderboard.json -> reports/index.html: one page to read and print."""

import json
import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import atomically, cli, runs, stages
from ymr_spark.report import page
from ymr_spark.settings import Settings
from ymr_spark.warehouse import Warehouse

REPORT = "reports/index.html"


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    reads = stages.named("report").reads
    tables = {
        name: [row.asDict() for row in warehouse.read(spark, name).collect()]
        for name in reads
        if name.startswith("summary_")
    }
    quarantined = (
        warehouse.read(spark, "quarantine")
        .groupBy("file", "reason")
        .agg(F.count("*").alias("lines"), F.min("raw").alias("example"))
        .orderBy("file", "reason")
    )
    found = [runs.latest_manifest(s.name, warehouse) for s in stages.pipeline(settings)]
    manifests = {m["stage"]: m for m in found if m is not None}
    source = page.Source(
        settings.raw.source,
        str(settings.raw.folder),
        manifests["ingest"],
        [row.asDict() for row in quarantined.collect()],
    )
    board = json.loads(warehouse.path("reports/leaderboard.json").read_text())
    html = page.render(source, tables, board, [*manifests.values()])
    atomically.write(warehouse.path(REPORT), html)
    return {"rows": board["test_rows"], "bytes": len(html)}


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("report", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
