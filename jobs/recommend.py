"""ratings, songs, a model -> recommendations: the top K songs that each user has not rated."""

import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark import cli, schemas
from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.models import artifacts
from ymr_spark.models.blocks import user_blocks
from ymr_spark.models.factors import FactorModel
from ymr_spark.publication import load, train_identity
from ymr_spark.recommendation import catalogue, lists, topk
from ymr_spark.settings import Recommend, Settings
from ymr_spark.warehouse import Warehouse

log = logging.getLogger(__name__)
Genres = Sequence[Mapping[str, Any]]  # schemas.GENRES rows


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
    model, cap = _restricted(model, songs, genres, options)
    fallback, fallback_cap = _restricted(fallback, songs, genres, options)

    rated = ratings.where(F.col("split") != "test")
    rated, strangers = _wanted(spark, rated, options.users)
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
    wrong = topk.violations(
        written.join(sample, "user_id", how="leftsemi"),
        rated.join(sample, "user_id", how="leftsemi"),
        model,
        options.k,
        cap,
    )
    if wrong:
        raise DataContractError(f"recommendations by {name}: {'; '.join(wrong[:5])}")
    if options.export:
        _export(written, warehouse.path(f"recommendations.{options.export}"), options.export)
    figures = {"rows": written.count(), "model": name, "verified": options.verified_users}
    compared = [row["user_id"] for row in sample.collect()]
    tops = _top_genres(genres)
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


def _restricted(
    model: FactorModel, songs: catalogue.Catalogue, genres: Genres, options: Recommend
) -> tuple[FactorModel, topk.ArtistCap | None]:
    parents = {row["genre_id"]: row["parent_genre_id"] for row in genres}
    mine = songs.of(model)
    included = catalogue.below(options.include_genres, parents) if options.include_genres else None
    excluded = catalogue.below(options.exclude_genres, parents)
    chosen = catalogue.eligible(mine, options.min_ratings, included, excluded)
    restricted = catalogue.restricted(model, chosen, mine.ratings, options.popularity_damping)
    if options.per_artist is None:
        return restricted, None
    return restricted, topk.ArtistCap(mine.artist_ids[chosen], options.per_artist)


def _wanted(
    spark: SparkSession, rated: DataFrame, path: Path | None
) -> tuple[DataFrame, list[int]]:
    """The ratings of the users to recommend to, and those users who have none."""
    if path is None:
        return rated, []
    ids = _user_ids(path)
    users = spark.createDataFrame(pa.table({"user_id": pa.array(ids, pa.int32())}))
    mine = rated.join(F.broadcast(users), "user_id", how="leftsemi")
    found = {row["user_id"] for row in mine.select("user_id").distinct().collect()}
    return mine, sorted(set(ids) - found)


def _user_ids(path: Path) -> list[int]:
    try:
        lines = path.read_text().split()
    except OSError as e:
        raise SettingsError(f"recommend.users={path}: cannot be read ({e.strerror})") from e
    wrong = [line for line in lines if not (line.isdecimal() and int(line) < 2**31)]
    if wrong or not lines:
        found = repr(wrong[0]) if wrong else "nothing"
        raise SettingsError(f"recommend.users={path}: expected a user id a line, found {found}")
    return sorted({int(line) for line in lines})


def _top_genres(genres: Genres) -> dict[int, str]:
    names = {row["genre_id"]: row["name"] for row in genres}
    return {row["genre_id"]: names[row["top_genre_id"]] for row in genres}


def _columns(ranked: DataFrame, model: FactorModel, reason: str) -> DataFrame:
    stars = artifacts.stars(F.col("score"), model)
    return ranked.select("*", F.format_string(reason, stars).alias("reason"))


def _export(table: DataFrame, folder: Path, kind: str) -> None:
    rows = table.orderBy("user_id", "rank")
    writer = rows.write.mode("overwrite")
    if kind == "csv":
        writer.csv(str(folder), header=True)
    else:
        writer.json(str(folder))
    log.info("exported to %s", folder)


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("recommend", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
