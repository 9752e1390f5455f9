"""packed ratings, songs, a model -> recommendations: each user's top K of those not rated."""

import logging
import sys
from collections.abc import Sequence

import numpy as np
from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.evaluation import same_rows
from ymr_spark.lists import catalogue, exports, lists
from ymr_spark.lists.audience import audience
from ymr_spark.lists.restrictions import restrict
from ymr_spark.models import topk
from ymr_spark.models.arrays import CHANCES
from ymr_spark.models.ranking_model import in_stars
from ymr_spark.packing import Packed
from ymr_spark.pipeline import cli, gates, id_files, list_choice, packed_tables
from ymr_spark.pipeline.list_choice import Choice
from ymr_spark.pipeline.own_ids import OwnIds
from ymr_spark.pipeline.publication import identities, registered
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Recommended
from ymr_spark.store import atomically, locations

log = logging.getLogger(__name__)
_RESTRICTIONS = {
    *("min_ratings", "include_genres", "exclude_genres"),
    *("popularity_damping", "per_artist"),
}
_EXPORTS = ("csv", "jsonl")
_COLUMNS = ("user_id", "rank", "song_id", "score")


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Recommended:
    """Rank the songs for every user; check a sample of users against brute force; write."""
    options = settings.recommend
    basis = gates.measured(warehouse)
    gates.require_open(basis, gates.last(warehouse), settings.gates)
    own = OwnIds.of(warehouse)
    wanted = None if options.users is None else id_files.users(options.users, own.users)
    choice = list_choice.choose(warehouse, options)
    rows = [registered(warehouse, name) for name in choice.names]
    fits = {r.model: r.chosen_on for r in rows}, {r.model: r.fitted_to for r in rows}
    train = same_rows.check_train_rows(*fits, identities(warehouse))
    log.info("top %d songs by %s", options.k, " and ".join(choice.names))
    songs = catalogue.read(
        warehouse.load("summary_songs"), warehouse.load("songs"), warehouse.scale(), rows[0].splits
    )
    genres = warehouse.load("genres").to_pylist()
    asked = options.model_dump(include=_RESTRICTIONS)
    parents = {row["genre_id"]: row["parent_genre_id"] for row in genres}
    model, cap = restrict(choice.ranker, songs, parents, **asked)

    rated = packed_tables.by_user(spark, warehouse).of("train", "validation")
    rated, strangers = audience(spark, rated, wanted)
    known = topk.recommend(rated, model, options.k, cap, choice.then)
    # So that the rows that are verified are those that are written.
    known = known.persist(StorageLevel.DISK_ONLY)
    after = ", less for popularity" if options.popularity_damping else ""
    table = known.select(*_COLUMNS, _reason(choice, after).alias("reason"))
    candidates = model.song_ids
    if strangers:
        log.info("%d users have no ratings", len(strangers))
        # They have no taste to go by.
        fallback, fallback_cap = restrict(
            catalogue.most_popular(songs, warehouse.scale()), songs, parents, **asked
        )
        same = topk.for_strangers(spark, strangers, fallback, options.k, fallback_cap)
        reason = F.lit(f"no ratings: the songs with the most{after}").alias("reason")
        table = table.union(same.select(*_COLUMNS, reason))
        candidates = np.union1d(candidates, fallback.song_ids)

    compared = _sample(rated, options.verified_users)
    before = warehouse.read(spark, "ratings").where(F.col("split") != "test")
    listed, heard = (frame.where(F.col("user_id").isin(compared)) for frame in (known, before))
    if wrong := topk.violations(listed, heard, model, options.k, cap, choice.then):
        raise DataContractError(
            f"recommendations by {model.name}: {'; '.join(wrong[:5])}; no table was written"
        )
    names = {row["genre_id"]: row["name"] for row in genres}
    tops = {row["genre_id"]: names[row["top_genre_id"]] for row in genres}
    figures = Recommended(
        rows=table.count(),
        model=" and ".join(choice.names),
        verified=len(compared),
        described=lists.described(table, heard, compared, songs, candidates, tops),
    )
    table = table.withColumns({"model": F.lit(model.name), "train_hash": F.lit(train.hash)})
    warehouse.write(table, "recommendations")
    known.unpersist()
    _export(spark, warehouse, own, options.export)
    atomically.write(warehouse.path(gates.RESOURCE), basis.model_dump_json(indent=1))
    return figures


def _reason(choice: Choice, after: str) -> Column:
    """What a song has its place by."""
    ranker, then = choice.ranker, choice.then
    if then is not None:
        words = f"number %d by {ranker.name}; {then.stars.name}: %.2f stars predicted{after}"
        return F.format_string(words, "place", "stars")
    if ranker.link in CHANCES:
        return F.format_string(f"number %d by {ranker.name}{after}", "rank")
    stars = in_stars(F.col("score"), ranker.scale, ranker.link)
    return F.format_string(f"{ranker.name}: %.2f stars predicted{after}", stars)


def _sample(rated: Packed, users: int) -> list[int]:
    everyone = rated.owners().orderBy(F.xxhash64("owner"), "owner")
    return [row["owner"] for row in everyone.limit(users).collect()]


def _export(spark: SparkSession, warehouse: Warehouse, own: OwnIds, wanted: str | None) -> None:
    """The table as files of the form that is wanted; those of earlier tables go."""
    for form in _EXPORTS:
        folder = warehouse.path(f"recommendations.{form}")
        if form == wanted:
            with atomically.replacing(folder) as partial:
                exports.write(_exported(spark, warehouse, own), partial, form)
            log.info("exported to %s", folder)
        else:
            locations.remove(folder)


def _exported(spark: SparkSession, warehouse: Warehouse, own: OwnIds) -> DataFrame:
    """The table, by own ids where there are any."""
    table = warehouse.read(spark, "recommendations")
    if own.given:
        return exports.named(table, own.users.frame(spark), own.songs.frame(spark))
    return table.orderBy("user_id", "rank")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("recommend", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
