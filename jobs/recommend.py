"""ratings, songs, a model -> recommendations: the top K songs that each user has not rated."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark import atomically, cli, schemas
from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.models import artifacts
from ymr_spark.models.blocks import user_blocks
from ymr_spark.models.factors import FactorModel
from ymr_spark.publication import load, train_identity
from ymr_spark.recommendation import catalogue, lists, topk
from ymr_spark.recommendation.audience import audience
from ymr_spark.recommendation.restrictions import restrict
from ymr_spark.settings import Settings
from ymr_spark.warehouse import Warehouse

log = logging.getLogger(__name__)
_RESTRICTIONS = {
    *("min_ratings", "include_genres", "exclude_genres"),
    *("popularity_damping", "per_artist"),
}


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Rank the songs for every user; check a sample of users against brute force."""
    options = settings.recommend
    name = _chosen(warehouse, options.model)
    log.info("top %d songs by %s", options.k, name)
    ratings = warehouse.read(spark, "ratings")
    songs = catalogue.read(warehouse.load("summary_songs"), warehouse.load("songs"))
    damping = settings.bias.song_damping
    # For users without ratings, who have no taste to go by.
    fallback = catalogue.best_mean(songs, damping)
    model = load(warehouse, name)
    genres = warehouse.load("genres").to_pylist()
    asked = options.model_dump(include=_RESTRICTIONS)
    parents = {row["genre_id"]: row["parent_genre_id"] for row in genres}
    model, cap = restrict(model, songs, parents, **asked)
    fallback, fallback_cap = restrict(fallback, songs, parents, **asked)

    rated = ratings.where(F.col("split") != "test")
    rated, strangers = audience(spark, rated, options.users)
    known = topk.recommend(user_blocks(rated), model, options.k, cap)
    after = ", less for popularity" if options.popularity_damping else ""
    table = _columns(known, model, f"{name}: %.2f stars predicted{after}")
    if strangers:
        log.info("%d users have no ratings", len(strangers))
        same = topk.for_strangers(spark, strangers, fallback, options.k, fallback_cap)
        table = table.union(_columns(same, fallback, f"no ratings: mean of %.2f stars{after}"))
    table = table.select(
        "*",
        F.lit(name).alias("model"),
        F.lit(train_identity(warehouse)[1]).alias("train_hash"),
    )
    warehouse.write(table, "recommendations")
    written = warehouse.read(spark, "recommendations")
    users = rated.select("user_id").distinct().orderBy(F.xxhash64("user_id"), "user_id")
    sample = users.limit(options.verified_users)
    listed, heard = (frame.join(sample, "user_id", how="leftsemi") for frame in (written, rated))
    if wrong := topk.violations(listed, heard, model, options.k, cap):
        raise DataContractError(f"recommendations by {name}: {'; '.join(wrong[:5])}")
    if options.export:
        _export(written, warehouse.path(f"recommendations.{options.export}"), options.export)
    figures = {"rows": written.count(), "model": name, "verified": options.verified_users}
    compared = [row["user_id"] for row in sample.collect()]
    names = {row["genre_id"]: row["name"] for row in genres}
    tops = {row["genre_id"]: names[row["top_genre_id"]] for row in genres}
    return figures | lists.described(written, rated, compared, songs, tops)


def _chosen(warehouse: Warehouse, wanted: str) -> str:
    scored = warehouse.load("metrics", ds.field("split") == "validation")
    names = scored.sort_by([("mse", "ascending"), ("model", "ascending")])["model"].to_pylist()
    # The exact search is over offsets and factors, which the others have not.
    names = [name for name in names if name in schemas.FACTOR_MODELS]
    if wanted == "best":
        return str(names[0])
    if wanted not in names:
        raise SettingsError(f"recommend.model={wanted}: expected best or one of {names}")
    return wanted


def _columns(ranked: DataFrame, model: FactorModel, reason: str) -> DataFrame:
    stars = artifacts.stars(F.col("score"), model)
    return ranked.select("*", F.format_string(reason, stars).alias("reason"))


def _export(table: DataFrame, folder: Path, kind: str) -> None:
    rows = table.orderBy("user_id", "rank")
    with atomically.replacing(folder) as partial:
        writer = rows.write.mode("overwrite")
        if kind == "csv":
            writer.csv(str(partial), header=True)
        else:
            writer.json(str(partial))
    log.info("exported to %s", folder)


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("recommend", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
