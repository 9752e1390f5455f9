"""raw ratings -> ratings, songs, genres, ids, quarantine: each row kept or not, splits set."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import cast

from pyspark.sql import SparkSession

from ymr_spark import schemas
from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.identity import of_all
from ymr_spark.pipeline import cli, provenance, runs, stages
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.settings_raw import Split as SplitSection
from ymr_spark.pipeline.stages import ID_TABLES
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import identity, noting
from ymr_spark.records.figures import Addition, Ingested
from ymr_spark.records.line_counts import LineCounts
from ymr_spark.scale import Scale
from ymr_spark.sources import archives, recognition
from ymr_spark.sources.forgotten import NOBODY, Forgotten
from ymr_spark.sources.r2 import attributes as r2_attributes
from ymr_spark.sources.r2 import audit, files, growth
from ymr_spark.sources.r2 import ingestion as r2_ingestion
from ymr_spark.sources.r2.files import RawFolder
from ymr_spark.sources.r2.scale import R2
from ymr_spark.sources.r2.unit_rows import ValidationRule
from ymr_spark.sources.table import attributes, ingestion, raw_table
from ymr_spark.sources.table.raw_table import Given, RawTable
from ymr_spark.sources.table.splitting import SplitRule
from ymr_spark.store import locations
from ymr_spark.store.locations import Location, Stamp
from ymr_spark.store.parquet import WRITTEN

log = logging.getLogger(__name__)
# Sources whose files are made for the pipeline, and what they are of.
_MADE = {"planted": recognition.R2, "movielens-100k": "movielens"}
_NO_LIMIT = 2**31 - 1


def run(
    spark: SparkSession, warehouse: Warehouse, settings: Settings, whole: bool = False
) -> Ingested:
    """Audit all rows, then write what is kept and what is not.

    Args:
        whole: read all raw files, though only some may have been added since the last run.
    """
    with archives.unpacked(warehouse.path("raw/"), warehouse.path("unpacked/")) as path:
        source = _MADE.get(settings.raw.source, settings.raw.source)
        if source == "auto":
            source = recognition.recognized(path)
        _check_applies(settings, source, path)
        if source == recognition.R2:
            last = None if whole else _last(warehouse, settings)
            return _of_r2(spark, warehouse, settings, files.find(path), last)
        return _of_table(spark, warehouse, settings, source, path)


def _check_applies(settings: Settings, source: str, path: Location) -> None:
    """Raise SettingsError where something is said of a source that says it itself."""
    raw = settings.raw.model_dump(exclude_defaults=True)
    own = {"source", "folder", "path", "forgotten"}
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


def _last(warehouse: Warehouse, settings: Settings) -> Ingested | None:
    """What the last run has told, where its tables can be added to."""
    stage = stages.named("ingest")
    told = runs.to_go_on_from(stage, warehouse, settings, provenance.code(__file__))
    if not isinstance(told, Ingested) or told.forgotten != _stamp(warehouse.forgotten):
        return None
    return told


def _of_r2(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    raw: RawFolder,
    last: Ingested | None,
) -> Ingested:
    """Take what was added since the last run, or else all parts."""
    numbers = [part.number for part in raw.parts]
    for one, other in pairwise(numbers):
        if other > one + 1:
            log.warning("no part between %d and %d", one, other)
    added = growth.added(raw, last.stamps) if last else None
    told = _taken(spark, warehouse, settings, added, last) if added else None
    return told or cast(Ingested, _taken(spark, warehouse, settings, raw, None))


def _taken(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    raw: RawFolder,
    last: Ingested | None,
) -> Ingested | None:
    """Write what is kept and what is not.

    Args:
        last: what these parts are added to; None where the tables are made anew.

    Returns:
        None where they cannot be added, since their users have rows there.
    """
    genres = r2_attributes.read_genres(raw.genres)
    songs = r2_attributes.read_songs(raw.songs, genres)
    rules = settings.ingest
    audit.check_share(songs.lines, {raw.songs.name: songs.reasons()}, rules.max_quarantine_share)
    r2_attributes.check_genres(songs, raw.songs, rules.max_quarantine_share)

    numbers = ", ".join(str(part.number) for part in raw.parts)
    log.info("auditing the parts %s", numbers)
    scale, forgotten = _stated(settings) or R2, _forgotten(warehouse)
    audited = r2_ingestion.audited(spark, raw, songs.known(), scale, forgotten=forgotten)
    there = warehouse.extents("ratings", "user_id") if last else []
    if not growth.all_new(audited.findings.users, there):
        log.warning("users of the parts %s have ratings already: all parts are read", numbers)
        audited.blocks.unpersist()
        return None
    audit.check(audited.findings, rules.max_quarantine_share, last.files if last else {})
    raw.check_unchanged()

    log.info("writing %d ratings", sum(audited.findings.kept.values()))
    split = ValidationRule(rules.validation_ratings, rules.validation_share, settings.seed)
    since = warehouse.pin("ratings") if last else None
    with raw.watched():
        write = warehouse.writer("ratings")
        written = r2_ingestion.ratings_to(audited, split, write, WRITTEN)
        noted = noting(schemas.RATINGS, audited.scale)
        warehouse.commit(written, "ratings", noted, append=bool(last))
    quarantine = audit.quarantine(audited.blocks).coalesce(1)
    if last:
        warehouse.write(quarantine, "quarantine", append=True)
    else:
        song_faults = r2_attributes.quarantine(songs, raw.songs.name)
        faults = spark.createDataFrame(song_faults, schemas.QUARANTINE)
        warehouse.write(quarantine.union(faults), "quarantine")
        warehouse.save(songs.table(), "songs")
        columns = schemas.GENRES.fieldNames()
        warehouse.save([dict(zip(columns, genre, strict=True)) for genre in genres], "genres")
        for table in ID_TABLES:
            warehouse.save([], table)  # R2's own ids are the numbers
    audited.blocks.unpersist()
    return _told(
        spark,
        warehouse,
        audited.findings.counts(),
        LineCounts(songs.lines, len(songs.rows), songs.reasons()),
        songs.unknown_genres.total(),
        "R2's layout",
        stamps={file.name: (file.size, file.modified) for file in raw.files},
        last=last,
        since=since,
    )


def _of_table(
    spark: SparkSession, warehouse: Warehouse, settings: Settings, source: str, path: Location
) -> Ingested:
    before, share = warehouse.state("raw/"), settings.ingest.max_quarantine_share
    with raw_table.watched(path):
        raw = _opened(spark, settings, source, path)
        log.info("%s: taken for %s", path, raw.said)
        scale = _stated(settings) or raw.scale
        audited = ingestion.audited(raw, scale, _rule(settings, raw), _forgotten(warehouse))
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
    warehouse.write(audited.ratings(), "ratings")
    if audited.counts.quarantined or songs.quarantined:
        faults = spark.createDataFrame(audited.items.quarantined, schemas.QUARANTINE)
        warehouse.write(audited.quarantine().coalesce(1).union(faults), "quarantine")
    else:
        warehouse.save([], "quarantine")
    for table, rows in audited.id_tables().items():
        warehouse.save(rows, table)
    audited.unpersist()
    counts = {raw.name: audited.counts}
    return _told(spark, warehouse, counts, songs, 0, raw.said, stamps={})


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


def _stamp(file: Location | None) -> Stamp | None:
    return None if file is None else locations.stamp(file)


def _forgotten(warehouse: Warehouse) -> Forgotten:
    return Forgotten.of_file(warehouse.forgotten) if warehouse.forgotten else NOBODY


def _stated(settings: Settings) -> Scale | None:
    return Scale(**settings.scale.model_dump()) if settings.scale else None


def _told(
    spark: SparkSession,
    warehouse: Warehouse,
    counts: dict[str, LineCounts],
    songs: LineCounts,
    unknown_genres: int,
    source: str,
    *,
    stamps: dict[str, Stamp],
    last: Ingested | None = None,
    since: int | None = None,
) -> Ingested:
    splits = identity(warehouse.read(spark, "ratings", since))
    version = warehouse.rows_version("ratings")
    additions = [
        *(last.additions if last else []),
        Addition(ratings_version=version, files=[*counts], splits=splits),
    ]
    splits = of_all(addition.splits for addition in additions)
    return Ingested(
        rows=sum(split.rows for split in splits.values()),
        splits=splits,
        ratings_version=version,
        files={**(last.files if last else {}), **counts},
        songs=songs,
        unknown_genres=unknown_genres,
        source=source,
        additions=additions,
        stamps={**(last.stamps if last else {}), **stamps},
        forgotten=_stamp(warehouse.forgotten),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = cli.parser(__doc__).parse_args(argv)
    return cli.stages_main(
        "ingest", __file__, {"ingest": partial(run, whole=options.force)}, options
    )


if __name__ == "__main__":
    sys.exit(main())
