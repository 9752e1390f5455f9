"""shards/, ratings -> by_size: does a deep model win by its form, or by the rows it saw?"""

import logging
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark import schemas
from ymr_spark.evaluation import same_rows
from ymr_spark.lists.listeners import Listeners
from ymr_spark.models import registry
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.registry import Entry
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.pipeline import cli, fitting, packed_tables, provenance
from ymr_spark.pipeline.publication import all_registered
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import COLUMNS, identity_of, identity_sums, with_scale
from ymr_spark.records.figures import ComparedBySize
from ymr_spark.search.lists import listed
from ymr_spark.shards import indices, inventory
from ymr_spark.shards.inventory import Inventory
from ymr_spark.store import locations

log = logging.getLogger(__name__)


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> ComparedBySize:
    """Fit each model anew to the first row groups of the shards; all rows are the pipeline's."""
    shards = warehouse.path("shards/")
    contents = inventory.verify(shards, warehouse.rows_version("ratings"))
    ratings = warehouse.read(spark, "ratings")
    test = ratings.where(F.col("split") == "test")
    validation = ratings.where(F.col("split") == "validation")
    validation = validation.select(*COLUMNS, F.lit(True).alias(fitting.VALIDATION))
    asked = _listeners(spark, warehouse, settings)
    found = [*_at_full_size(warehouse, settings, contents)]
    for groups in row_groups(len(contents.splits["train"].row_groups), settings):
        files = sorted(contents.splits["train"].row_groups)[:groups]
        train = spark.read.parquet(*(locations.for_spark(shards / name) for name in files))
        train = with_scale(train.select("user_id", "song_id", "rating"), contents.scale)
        part = _part(contents, files, train)
        rows, content = part.splits["train"].rows, part.splits["train"].hash
        log.info("%d row groups, %d ratings", groups, rows)
        both = train.withColumn(fitting.VALIDATION, F.lit(False)).union(validation)
        for model, seconds in _fitted(warehouse, settings, part, both):
            name = model.scorer.name
            mse = _mse(model.transform(test)) if registry.named(name).rates else None
            ndcg = listed(model, asked)[0].validation_ndcg if asked and mse is None else None
            log.info("%s on %d ratings: MSE %s, NDCG %s", name, rows, mse, ndcg)
            found.append((name, rows, content, mse, ndcg, seconds))
    names = schemas.TABLES["by_size"].fieldNames()
    warehouse.save([dict(zip(names, row, strict=True)) for row in sorted(found)], "by_size")
    return ComparedBySize(rows=contents.splits["train"].rows, fits=len(found))


def row_groups(groups: int, settings: Settings) -> list[int]:
    """The sizes to compare, in row groups out of all `groups`, which are in none of them."""
    wanted = {max(1, round(share * groups)) for share in settings.compare_by_size.shares}
    return sorted(wanted - {groups})


def _compared(settings: Settings) -> list[str]:
    """The models, `bias` first, from which others start."""
    return [name for name in registry.BY_SIZE if name in {"bias", *settings.models}]


def _listeners(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Listeners | None:
    """By whom lists are judged; None where all of the models predict stars."""
    if all(registry.named(name).rates for name in _compared(settings)):
        return None
    known, users = ["train", "validation"], settings.evaluate.ranked_users
    rated = packed_tables.by_user(spark, warehouse)
    return Listeners.of(rated, "test", known, users=users, seed=settings.seed)


def _at_full_size(
    warehouse: Warehouse, settings: Settings, contents: Inventory
) -> Iterator[tuple[Any, ...]]:
    """The models as they were published and judged, all of them fitted to the same rows."""
    errors, lists = (
        {row["model"]: row[metric] for row in _on_test(warehouse, table)}
        for table, metric in (("metrics", "mse"), ("ranking", "ndcg_100"))
    )
    compared = _compared(settings)
    models = {n: row for n, row in all_registered(warehouse).items() if n in compared}
    same_rows.check_train_rows(
        {name: model.chosen_on for name, model in models.items()},
        {name: model.fitted_to for name, model in models.items()},
        {split: found.identity for split, found in contents.splits.items()},
    )
    for name, model in models.items():
        rates = registry.named(name).rates
        found = (errors if rates else lists).get(name)
        if found is not None:
            judged = (found, None) if rates else (None, found)
            yield name, model.train_rows, model.train_hash, *judged, model.fit_seconds


def _on_test(warehouse: Warehouse, table: str) -> list[dict[str, Any]]:
    return warehouse.load(table, ds.field("split") == "test").to_pylist()


def _part(contents: Inventory, files: Sequence[str], train: DataFrame) -> Inventory:
    """An inventory of these row groups alone: rows are in random order, so they are a sample."""
    found = train.agg(*identity_sums(contents.scale), F.avg("rating").alias("mean")).collect()[0]
    kept = identity_of(found)
    whole = contents.splits["train"]
    groups = {name: whole.row_groups[name] for name in files}
    sample = inventory.SplitShards(
        rows=kept.rows, hash=kept.hash, mean_rating=found["mean"], row_groups=groups
    )
    return contents.model_copy(update={"splits": contents.splits | {"train": sample}})


def _fitted(
    warehouse: Warehouse, settings: Settings, part: Inventory, rows: DataFrame
) -> Iterator[tuple[RatingModel[Any], float]]:
    """Each of these models and the seconds it took."""
    ratings: TrainRatings | None = None
    base: RatingModel[Any] | None = None
    for entry in map(registry.named, _compared(settings)):
        estimator = fitting.estimator(
            entry.name,
            fitting.values(entry.name, warehouse, settings),
            settings.seed,
            warehouse.path(f"models/by_size/{entry.name}-{part.splits['train'].rows}/"),
            rows=part.splits["train"].hash,
            code=provenance.code(__file__, entry.module),
        )
        estimator.fallback = base if entry.fallback else None
        if entry.deep and base is not None:
            fit = partial(_deep, estimator, entry, warehouse, settings, part, base)
        else:
            ratings = ratings or estimator.ratings_of(rows)
            fit = partial(estimator.fit_ratings, ratings)
        model, seconds = fitting.timed(fit)
        base = base or model
        yield model, seconds
    if ratings is not None:
        ratings.unpersist()


def _deep(
    estimator: Any,
    entry: Entry,
    warehouse: Warehouse,
    settings: Settings,
    part: Inventory,
    base: RatingModel[Any],
) -> RatingModel[Any]:
    shards = warehouse.path("shards/")
    ids = indices.load(shards / "indices")
    catalogue = indices.catalogue(ids, warehouse.load("songs"), warehouse.load("genres"))
    model: RatingModel[Any] = estimator.fit_shards(
        shards, part, catalogue, together=settings.two_tower
    )
    # A song that nobody rated has the rows of its attributes, in a factor model.
    known = model.scorer if entry.ranks_songs else base.scorer
    model.scorer = model.scorer.only(base.scorer.user_ids, known.song_ids)
    return model


def _mse(judged: DataFrame) -> float:
    error = F.col("prediction") - F.col("rating")
    return float(judged.agg(F.avg(error * error)).collect()[0][0])


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("compare_by_size", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
