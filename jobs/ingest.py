"""raw files -> ratings, songs, genres, ids, quarantine: lines kept or quarantined, splits set."""

import logging
import sys
from collections.abc import Sequence
from itertools import pairwise

from pyspark.sql import SparkSession

from ymr_spark import schemas
from ymr_spark.pipeline import cli
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.stages import ID_TABLES
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import identity
from ymr_spark.records.figures import Ingested
from ymr_spark.records.line_counts import LineCounts
from ymr_spark.scale import Scale
from ymr_spark.sources.r2 import attributes, audit, files, ingestion
from ymr_spark.sources.r2.unit_rows import ValidationRule

log = logging.getLogger(__name__)


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Ingested:
    """Audit all lines, then write what is kept and what is not."""
    raw = files.find(warehouse.path("raw/"))
    genres = attributes.read_genres(raw.genres)
    songs = attributes.read_songs(raw.songs, genres)
    rules = settings.ingest
    audit.check_share(songs.lines, {raw.songs.name: songs.reasons()}, rules.max_quarantine_share)
    attributes.check_genres(songs, raw.songs, rules.max_quarantine_share)

    numbers = [part.number for part in raw.parts]
    log.info("auditing the parts %s", ", ".join(map(str, numbers)))
    for one, other in pairwise(numbers):
        if other > one + 1:
            log.warning("no part between %d and %d", one, other)
    scale = Scale(**settings.scale.model_dump())
    audited = ingestion.audited(spark, raw, songs.known(), scale)
    audit.check(audited.findings, rules.max_quarantine_share)
    raw.check_unchanged()

    log.info("writing %d ratings", sum(audited.findings.kept.values()))
    split = ValidationRule(rules.validation_ratings, rules.validation_share, settings.seed)
    with raw.watched():
        version = warehouse.write(ingestion.ratings(audited, split), "ratings")
    song_faults = attributes.quarantine(songs, raw.songs.name)
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

    splits = identity(warehouse.read(spark, "ratings"))
    return Ingested(
        rows=sum(split.rows for split in splits.values()),
        splits=splits,
        ratings_version=version,
        files=audited.findings.counts(),
        songs=LineCounts(songs.lines, len(songs.rows), songs.reasons()),
        unknown_genres=songs.unknown_genres.total(),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("ingest", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
