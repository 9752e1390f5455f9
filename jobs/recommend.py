"""ratings, songs, a model -> recommendations: the top K songs that each user has not rated."""

import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark import packing
from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.evaluation import same_rows
from ymr_spark.lists import catalogue, lists
from ymr_spark.lists.audience import audience
from ymr_spark.lists.restrictions import restrict
from ymr_spark.models import registry
from ymr_spark.models.linear import topk
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.pipeline import cli
from ymr_spark.pipeline.publication import identities, load_factors, registered
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import scale_of, with_scale
from ymr_spark.records.figures import Recommended
from ymr_spark.store import atomically

log = logging.getLogger(__name__)
_RESTRICTIONS = {
    *("min_ratings", "include_genres", "exclude_genres"),
    *("popularity_damping", "per_artist"),
}
_EXPORTS = ("csv", "jsonl")


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Recommended:
    """Rank the songs for every user; check a sample of users against brute force; write."""
    options = settings.recommend
    model = _chosen(warehouse, options.model)
    row = registered(warehouse, model.name)
    fits = {model.name: row.chosen_on}, {model.name: row.fitted_to}
    train = same_rows.check_train_rows(*fits, identities(warehouse))
    log.info("top %d songs by %s", options.k, model.name)
    songs = catalogue.read(
        warehouse.load("summary_songs"), warehouse.load("songs"), warehouse.scale(), row.splits
    )
    genres = warehouse.load("genres").to_pylist()
    asked = options.model_dump(include=_RESTRICTIONS)
    parents = {row["genre_id"]: row["parent_genre_id"] for row in genres}
    model, cap = restrict(model, songs, parents, **asked)

    ratings = warehouse.read(spark, "ratings")
    # Of all ratings, since those of a few users may not tell it.
    rated = with_scale(ratings, scale_of(ratings)).where(F.col("split") != "test")
    rated, strangers = audience(spark, rated, options.users)
    known = topk.recommend(packing.by_user(rated), model, options.k, cap)
    # So that the rows that are verified are those that are written.
    known = known.persist(StorageLevel.DISK_ONLY)
    after = ", less for popularity" if options.popularity_damping else ""
    table = _columns(known, model, f"{model.name}: %.2f stars predicted{after}")
    candidates = model.song_ids
    if strangers:
        log.info("%d users have no ratings", len(strangers))
        # They have no taste to go by.
        fallback = catalogue.best_mean(songs, settings.of("bias")["song_damping"], model.scale)
        fallback, fallback_cap = restrict(fallback, songs, parents, **asked)
        same = topk.for_strangers(spark, strangers, fallback, options.k, fallback_cap)
        table = table.union(_columns(same, fallback, f"no ratings: mean of %.2f stars{after}"))
        candidates = np.union1d(candidates, fallback.song_ids)

    compared = _sample(rated, options.verified_users)
    listed, heard = (frame.where(F.col("user_id").isin(compared)) for frame in (known, rated))
    if wrong := topk.violations(listed, heard, model, options.k, cap):
        raise DataContractError(
            f"recommendations by {model.name}: {'; '.join(wrong[:5])}; no table was written"
        )
    names = {row["genre_id"]: row["name"] for row in genres}
    tops = {row["genre_id"]: names[row["top_genre_id"]] for row in genres}
    figures = Recommended(
        rows=table.count(),
        model=model.name,
        verified=len(compared),
        described=lists.described(table, rated, compared, songs, candidates, tops),
    )
    table = table.withColumns({"model": F.lit(model.name), "train_hash": F.lit(train.hash)})
    warehouse.write(table, "recommendations")
    known.unpersist()
    _export(warehouse.read(spark, "recommendations"), warehouse, options.export)
    return figures


def _chosen(warehouse: Warehouse, wanted: str) -> FactorModel:
    """The model of that name, or the best one that tells songs apart.

    The best is that on validation; on test where no user has validation rows.
    """
    scored = warehouse.load("metrics").sort_by(
        [("split", "descending"), ("mse", "ascending"), ("model", "ascending")]
    )
    # The exact search is over offsets and factors, which the others have not.
    names = [n for n in pc.unique(scored["model"]).to_pylist() if n in registry.RANKING]
    if wanted != "best":
        if wanted not in names:
            raise SettingsError(f"recommend.model={wanted}: expected best or one of {names}")
        return load_factors(warehouse, wanted)
    if "validation" not in scored["split"].to_pylist():
        log.warning("no user has validation rows: the best model is the best one on test")
    for name in names:
        if (model := load_factors(warehouse, name)).tells_songs_apart:
            return model
    raise DataContractError(
        f"recommend.model=best: none of {names} tells songs apart; train another model, or name "
        "one of them to have the songs in the order of their ids"
    )


def _columns(ranked: DataFrame, model: FactorModel, reason: str) -> DataFrame:
    stars = topk.in_stars(F.col("score"), model)
    return ranked.select("*", F.format_string(reason, stars).alias("reason"))


def _sample(rated: DataFrame, users: int) -> list[int]:
    everyone = rated.select("user_id").distinct().orderBy(F.xxhash64("user_id"), "user_id")
    return [row["user_id"] for row in everyone.limit(users).collect()]


def _export(table: DataFrame, warehouse: Warehouse, wanted: str | None) -> None:
    """The table as files of the form that is wanted; those of earlier tables go."""
    for form in _EXPORTS:
        folder = warehouse.path(f"recommendations.{form}")
        if form == wanted:
            _write(table.orderBy("user_id", "rank"), folder, form)
        elif folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)


def _write(rows: DataFrame, folder: Path, form: str) -> None:
    with atomically.replacing(folder) as partial:
        writer = rows.write.mode("overwrite")
        if form == "csv":
            writer.csv(str(partial), header=True)
        else:
            writer.json(str(partial))
    log.info("exported to %s", folder)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("recommend", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
