"""A raw table -> an audit of all its rows; and the kept ones, with dense ids and splits."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from ymr_spark import schemas
from ymr_spark.errors import DataContractError
from ymr_spark.ratings import with_scale
from ymr_spark.records.line_counts import LineCounts
from ymr_spark.scale import Scale
from ymr_spark.sources.forgotten import NOBODY, Forgotten
from ymr_spark.sources.table import buckets, dealing, items
from ymr_spark.sources.table.items import Items
from ymr_spark.sources.table.judging import Rules
from ymr_spark.sources.table.numbering import numbered
from ymr_spark.sources.table.raw_table import RawTable
from ymr_spark.sources.table.splitting import TEST, VALIDATION, SplitRule


@dataclass(frozen=True)
class Audited:
    """All rows of a raw table, judged.

    Attributes:
        resolved: rows of buckets.RESOLVED, persisted.
        counts: of all rows.
        users: own ids, in the order of their numbers.
    """

    resolved: DataFrame
    scale: Scale
    rule: SplitRule
    counts: LineCounts
    users: "pa.Array[Any]"
    items: Items

    def quarantine(self) -> DataFrame:
        """What is quarantined, as schemas.QUARANTINE."""
        return self.resolved.select(F.explode("faults").alias("fault")).select("fault.*")

    def ratings(self) -> DataFrame:
        """The kept rows, as schemas.RATINGS; each user's of a split lie next to each other."""
        spark = self.resolved.sparkSession
        ids = spark.sparkContext.broadcast((self.users, self.items.ids))
        work = partial(buckets.ratings, self.rule, lambda: ids.value)
        rows = self.resolved.where("bucket >= 0")
        return with_scale(rows.mapInArrow(work, schemas.RATINGS), self.scale)

    def id_tables(self) -> dict[str, pa.Table]:
        """The tables of songs, of genres and of own ids, by their names."""
        numbers = pa.array(np.arange(len(self.users), dtype=np.int32))
        return {
            "songs": self.items.songs,
            "genres": self.items.genres,
            "song_ids": self.items.names,
            "user_ids": pa.table({"user_id": numbers, "id": self.users}),
        }

    def unpersist(self) -> None:
        """Free the disk."""
        self.resolved.unpersist()


def audited(
    raw: RawTable, scale: Scale | None, rule: SplitRule, forgotten: Forgotten = NOBODY
) -> Audited:
    """Judge all rows, bring each user's together, find duplicates, number the ids.

    Args:
        scale: that ratings must be on; None where it is measured.
        forgotten: users of whom no row is taken.

    Raises:
        DataContractError: no row is kept, its ratings have no scale, there are more ids than
            models can index, or rows are lost.
    """
    rules = Rules(scale, rule.by == "time", rule.by == "files" and raw.split, forgotten)
    deal = partial(dealing.deal, raw.read, rules, raw.buckets)
    dealt = raw.frame.mapInArrow(deal, dealing.DEALT).repartition(raw.buckets, "bucket")
    resolve = buckets.resolve(rule, raw.name)
    resolved = dealt.groupBy("bucket").applyInArrow(resolve, buckets.RESOLVED)
    # On disk: heaps would grow with the rows.
    resolved = resolved.persist(StorageLevel.DISK_ONLY)
    told = resolved.select("bucket", "lines", "kept", "reasons", "ratings", "splits").collect()
    judged = [row for row in told if row["bucket"] < 0]
    lines, kept = (sum(row[name] for row in judged) for name in ("lines", "kept"))
    if not kept:
        raise DataContractError(f"{raw.name}: none of {lines} rows is kept ({_reasons(judged)})")
    measured = scale or _measured(judged, raw.name)
    splits = [row["splits"] for row in told if row["bucket"] >= 0]
    counts = LineCounts(lines, sum(map(sum, splits)), _reasons(told))
    _check(raw, rule, counts, splits)
    users = _texts(resolved.select(F.explode("users")))
    rated = _texts(resolved.select(F.explode("items")).distinct())
    return Audited(
        resolved,
        measured,
        rule,
        counts,
        numbered(users, "users"),
        items.made(rated, raw.items, raw.name),
    )


def _check(raw: RawTable, rule: SplitRule, counts: LineCounts, splits: list[list[int]]) -> None:
    if counts.lines != counts.kept + sum(counts.quarantined.values()):
        raise DataContractError(
            f"{raw.name}: {counts} do not add up; it changed while it was read, or this is a bug: "
            "run again"
        )
    kept = np.sum(splits, axis=0)
    if not kept[TEST]:
        raise DataContractError(
            f"{raw.name}: no row is held out for the test by split.by={rule.by}; choose another "
            "way, or give rows that are"
        )
    if not kept[VALIDATION]:
        raise DataContractError(
            f"{raw.name}: no user has two rows that are not of the test, so none can be held out "
            "for validation, by which training stops and the best model is chosen; add rows of the "
            "same users"
        )


def _texts(frame: DataFrame) -> Any:
    return pa.concat_arrays(frame.toArrow().column(0).chunks)


def _reasons(rows: Sequence[Row]) -> dict[str, int]:
    found = Counter[str]()
    for row in rows:
        found.update(json.loads(row["reasons"]))
    return dict(sorted(found.items()))


def _measured(judged: Sequence[Row], name: str) -> Scale:
    """The coarsest scale that has all ratings."""
    values = {rating for row in judged for rating in row["ratings"]}
    try:
        return Scale.of_values(np.array([*values]))
    except DataContractError as e:
        raise DataContractError(f"{name}: {e}; state the scale by --set 'scale={{…}}'") from e
