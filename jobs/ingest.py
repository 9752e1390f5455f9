"""raw ratings -> ratings, songs, genres, ids, quarantine: each row kept or not, splits set."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from pyspark.sql import SparkSession

from ymr_spark import schemas
from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.pipeline import cli
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.settings_raw import Split as SplitSection
from ymr_spark.pipeline.stages import ID_TABLES
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import identity, noting
from ymr_spark.records.figures import Ingested
from ymr_spark.records.line_counts import LineCounts
from ymr_spark.scale import Scale
from ymr_spark.sources import archives, recognition
from ymr_spark.sources.r2 import attributes as r2_attributes
from ymr_spark.sources.r2 import audit, files
from ymr_spark.sources.r2 import ingestion as r2_ingestion
from ymr_spark.sources.r2.scale import R2
from ymr_spark.sources.r2.unit_rows import ValidationRule
from ymr_spark.sources.table import attributes, ingestion, raw_table
from ymr_spark.sources.table.raw_table import Given, RawTable
from ymr_spark.sources.table.splitting import SplitRule
from ymr_spark.store.locations import Location
from ymr_spark.store.parquet import WRITTEN

log = logging.getLogger(__name__)
# Sources whose files are made for the pipeline, and what they are of.
_MADE = {"planted": recognition.R2, "movielens-100k": "movielens"}
_NO_LIMIT = 2**31 - 1


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Ingested:
    """Audit all rows, then write what is kept and what is not."""
    with archives.unpacked(warehouse.path("raw/"), warehouse.path("unpacked/")) as path:
        source = _MADE.get(settings.raw.source, settings.raw.source)
        if source == "auto":
            source = recognition.recognized(path)
        _check_applies(settings, source, path)
        if source == recognition.R2:
            return _of_r2(spark, warehouse, settings, path)
        return _of_table(spark, warehouse, settings, source, path)


def _check_applies(settings: Settings, source: str, path: Location) -> None:
    """Raise SettingsError where something is said of a source that says it itself."""
    raw, own = settings.raw.model_dump(exclude_defaults=True), {"source", "folder", "path"}
    own |= {"columns", "format", "separator", "header"} if source == recognition.TABLE else set()
    own |= {"items"} if source != recognition.R2 else set()
    if said := sorted(raw.keys() - own):
        raise SettingsError(
            f"raw.{said[0]}: {path} is of {source}, whose files say it themselves; leave it away, "
            "or choose raw.source=table"
        )
    if source == recognition.R2 and settings.split.by not in (None, "files"):
        raise SettingsError(
            f"split.by={settings.split.by}: the files of {path} say themselves what is held out; "
            "leave split.by away"
        )


def _of_r2(
    spark: SparkSession, warehouse: Warehouse, settings: Settings, path: Location
) -> Ingested:
    raw = files.find(path)
    genres = r2_attributes.read_genres(raw.genres)
    songs = r2_attributes.read_songs(raw.songs, genres)
    rules = settings.ingest
    audit.check_share(songs.lines, {raw.songs.name: songs.reasons()}, rules.max_quarantine_share)
    r2_attributes.check_genres(songs, raw.songs, rules.max_quarantine_share)

    numbers = [part.number for part in raw.parts]
    log.info("auditing the parts %s", ", ".join(map(str, numbers)))
    for one, other in pairwise(numbers):
        if other > one + 1:
            log.warning("no part between %d and %d", one, other)
    scale = _stated(settings) or R2
    audited = r2_ingestion.audited(spark, raw, songs.known(), scale)
    audit.check(audited.findings, rules.max_quarantine_share)
    raw.check_unchanged()

    log.info("writing %d ratings", sum(audited.findings.kept.values()))
    split = ValidationRule(rules.validation_ratings, rules.validation_share, settings.seed)
    with raw.watched():
        write = warehouse.writer("ratings")
        written = r2_ingestion.ratings_to(audited, split, write, WRITTEN)
        noted = noting(schemas.RATINGS, audited.scale)
        version = warehouse.commit(written, "ratings", noted)
    song_faults = r2_attributes.quarantine(songs, raw.songs.name)
    quarantine = (
        audit.quarantine(audited.blocks)
        .coalesce(1)
        .union(spark.createDataFrame(song_faults, schemas.QUARANTINE))
    )
    warehouse.write(quarantine, "quarantine")
    warehouse.save(songs.table(), "songs")
    columns = schemas.GENRES.fieldNames()
    warehouse.save([dict(zip(columns, genre, strict=True)) for genre in genres], "genres")
    for table in ID_TABLES:
        warehouse.save([], table)  # R2's own ids are the numbers
    audited.blocks.unpersist()
    return _told(
        spark,
        warehouse,
        version,
        audited.findings.counts(),
        LineCounts(songs.lines, len(songs.rows), songs.reasons()),
        songs.unknown_genres.total(),
        "R2's layout",
    )


def _of_table(
    spark: SparkSession, warehouse: Warehouse, settings: Settings, source: str, path: Location
) -> Ingested:
    before, share = warehouse.state("raw/"), settings.ingest.max_quarantine_share
    with raw_table.watched(path):
        raw = _opened(spark, settings, source, path)
        log.info("%s: taken for %s", path, raw.said)
        scale = _stated(settings) or raw.scale
        audited = ingestion.audited(raw, scale, _rule(settings, raw))
    log.info("ratings on %s", audited.scale)
    audit.check_share(audited.counts.lines, {raw.name: audited.counts.quarantined}, share)
    songs = audited.items.rows
    audit.check_share(songs.lines, {raw.name: songs.quarantined}, share)
    if warehouse.state("raw/") != before:
        raise DataContractError(
            f"{path}: changed while it was read; no table was touched, run again when it is "
            "complete"
        )
    log.info("writing %d ratings", audited.counts.kept)
    version = warehouse.write(audited.ratings(), "ratings")
    if audited.counts.quarantined or songs.quarantined:
        faults = spark.createDataFrame(audited.items.quarantined, schemas.QUARANTINE)
        warehouse.write(audited.quarantine().coalesce(1).union(faults), "quarantine")
    else:
        warehouse.save([], "quarantine")
    for table, rows in audited.id_tables().items():
        warehouse.save(rows, table)
    audited.unpersist()
    return _told(spark, warehouse, version, {raw.name: audited.counts}, songs, 0, raw.said)


def _opened(spark: SparkSession, settings: Settings, source: str, path: Location) -> RawTable:
    asked = settings.raw
    columns = asked.columns.model_dump()
    columns["test"] = columns.pop("split")
    given = Given(columns, asked.format, asked.separator, asked.header)
    raw = recognition.opened(spark, source, path, given)
    if asked.items.path is None:
        return raw
    names = asked.items.model_dump(exclude={"path", "separator"})
    items = attributes.opened(spark, asked.items.path, names, asked.items.separator)
    return replace(raw, items=items)


def _rule(settings: Settings, raw: RawTable) -> SplitRule:
    asked, validation = settings.split, settings.ingest
    by = asked.by or ("files" if raw.split else "hash")
    missing = {"files": not raw.split, "time": not raw.time}.get(by)
    if missing:
        column = {"files": "split", "time": "time"}[by]
        raise SettingsError(
            f"split.by={by}: {raw.name} says nothing of it; name a column by raw.columns.{column}, "
            "or choose another way"
        )
    return SplitRule(
        by,
        asked.test_ratings or _NO_LIMIT,
        asked.test_share,
        _seconds(asked),
        validation.validation_ratings,
        validation.validation_share,
        settings.seed,
    )


def _seconds(split: SplitSection) -> int | None:
    at = split.test_from
    if isinstance(at, datetime):
        at = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    return at


def _stated(settings: Settings) -> Scale | None:
    return Scale(**settings.scale.model_dump()) if settings.scale else None


def _told(
    spark: SparkSession,
    warehouse: Warehouse,
    version: int,
    counts: dict[str, LineCounts],
    songs: LineCounts,
    unknown_genres: int,
    source: str,
) -> Ingested:
    splits = identity(warehouse.read(spark, "ratings"))
    return Ingested(
        rows=sum(split.rows for split in splits.values()),
        splits=splits,
        ratings_version=version,
        files=counts,
        songs=songs,
        unknown_genres=unknown_genres,
        source=source,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("ingest", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
