"""Tiny made-up data sets in the layouts of published ones, and what is made of them."""

from pathlib import Path
from unittest import mock

import pyarrow as pa
from pyspark.sql import SparkSession

from ymr_spark.sources import recognition
from ymr_spark.sources.table import ingestion
from ymr_spark.sources.table.ingestion import Audited
from ymr_spark.sources.table.raw_table import Given, RawTable
from ymr_spark.sources.table.splitting import SplitRule


def written(folder: Path, files: dict[str, str], encoding: str = "utf-8") -> Path:
    """The files, in folders below."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode(encoding))
    return folder


def opened(spark: SparkSession, folder: Path) -> RawTable:
    """As what it is recognized for."""
    return recognition.opened(spark, recognition.recognized(folder), folder, Given({}))


def audited(raw: RawTable) -> Audited:
    """Without the checks of rows to hold out, which a few rows do not pass."""
    rule = SplitRule("files" if raw.split else "hash", 1, 0.5, None, 1, 0.5, 1)
    with mock.patch.object(ingestion, "_check"):
        return ingestion.audited(raw, raw.scale, rule)


def rows(found: Audited) -> list[tuple[object, ...]]:
    """User, item, rating, time and test of all rows that are kept, in order."""
    kept = []
    for bucket in found.resolved.where("bucket >= 0").collect():
        for user, item, *values in pa.ipc.open_stream(bucket["rows"]).read_all().to_pandas().values:
            kept.append((bucket["users"][user], bucket["items"][item], *values))
    return sorted(kept, key=str)
