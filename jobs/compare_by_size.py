"""shards/, ratings -> by_size: does a deep model win by its form, or by the rows it saw?"""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark import schemas
from ymr_spark.evaluation import comparison
from ymr_spark.models import registry
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.registry import Entry
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.pipeline import checkpoints, cli, provenance
from ymr_spark.pipeline.publication import all_registered
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import COLUMNS, identity_of, identity_sums, with_scale
from ymr_spark.shards import indices, manifest
from ymr_spark.shards.manifest import Manifest

log = logging.getLogger(__name__)
_COLUMNS = {
    "userCol": "user_id",
    "itemCol": "song_id",
    "ratingCol": "rating",
    "validationIndicatorCol": "held",
}


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Fit each model anew to the first row groups of the shards; all rows are the pipeline's."""
    shards = warehouse.path("shards/")
    contents = manifest.verify(shards, warehouse.pin("ratings"))
    ratings = warehouse.read(spark, "ratings")
    test = ratings.where(F.col("split") == "test")
    validation = ratings.where(F.col("split") == "validation")
    validation = validation.select(*COLUMNS, F.lit(True).alias("held"))
    found = [*_at_full_size(warehouse, contents.splits["train"])]
    for groups in row_groups(len(contents.splits["train"].row_groups), settings):
        files = sorted(contents.splits["train"].row_groups)[:groups]
        train = spark.read.parquet(*(str(shards / "train" / name) for name in files))
        train = with_scale(train.select("user_id", "song_id", "rating"), contents.scale)
        part = _part(contents, files, train)
        rows, content = part.splits["train"].rows, part.splits["train"].hash
        log.info("%d row groups, %d ratings", groups, rows)
        both = train.withColumn("held", F.lit(False)).union(validation)
        for model, seconds in _fitted(warehouse, settings, part, both):
            name, mse = model.scorer.name, _mse(model.transform(test))
            log.info("%s on %d ratings: MSE %.4f", name, rows, mse)
            found.append((name, rows, content, mse, seconds))
    names = schemas.TABLES["by_size"].fieldNames()
    warehouse.save([dict(zip(names, row, strict=True)) for row in sorted(found)], "by_size")
    return {"rows": contents.splits["train"].rows, "fits": len(found)}


def row_groups(groups: int, settings: Settings) -> list[int]:
    """The sizes to compare, in row groups out of all `groups`, which are in none of them."""
    wanted = {max(1, round(share * groups)) for share in settings.compare_by_size.shares}
    return sorted(wanted - {groups})


def _at_full_size(warehouse: Warehouse, train: manifest.Split) -> Iterator[tuple[Any, ...]]:
    """The models as they were published and judged, all of them fitted on `train`."""
    judged = warehouse.load("metrics", ds.field("split") == "test").to_pylist()
    models = {
        name: row for name, row in all_registered(warehouse).items() if name in registry.BY_SIZE
    }
    comparison.check_train_rows(models.values(), (train.rows, train.hash))
    for score in judged:
        if model := models.get(score["model"]):
            train_rows = model["train_rows"], model["train_hash"]
            yield score["model"], *train_rows, score["mse"], model["fit_seconds"]


def _part(contents: Manifest, files: Sequence[str], train: DataFrame) -> Manifest:
    """A manifest of these row groups alone; rows are in random order, so that they are a sample."""
    found = train.agg(*identity_sums(contents.scale), F.avg("rating").alias("mean")).collect()[0]
    rows, content = identity_of(found)
    whole = contents.splits["train"]
    kept = {name: whole.row_groups[name] for name in files}
    sample = manifest.Split(rows=rows, hash=content, mean_rating=found["mean"], row_groups=kept)
    return contents.model_copy(update={"splits": contents.splits | {"train": sample}})


def _fitted(
    warehouse: Warehouse, settings: Settings, part: Manifest, rows: DataFrame
) -> Iterator[tuple[RatingModel[Any], float]]:
    """Each model of registry.BY_SIZE and the seconds it took."""
    ratings: TrainRatings | None = None
    base: RatingModel[Any] | None = None
    for entry in map(registry.named, registry.BY_SIZE):
        estimator = registry.imported(entry.estimator).of_settings(
            settings.of(entry.name), **_COLUMNS, seed=settings.seed
        )
        if estimator.hasParam("checkpointDir"):
            folder = _checkpoints(entry, warehouse, settings, part)
            estimator.set(estimator.checkpointDir, str(folder))
        estimator.fallback = base if entry.fallback else None
        started = time.monotonic()
        if entry.deep and base is not None:
            model = _deep(estimator, entry, warehouse, settings, part, base)
        else:
            ratings = ratings or estimator.ratings_of(rows)
            model = estimator.fit_ratings(ratings)
        base = base or model
        curve = model.figures.get("learning_curve", [])
        yield model, sum(p["seconds"] for p in curve) or time.monotonic() - started
    if ratings is not None:
        ratings.unpersist()


def _deep(
    estimator: Any,
    entry: Entry,
    warehouse: Warehouse,
    settings: Settings,
    part: Manifest,
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


def _checkpoints(entry: Entry, warehouse: Warehouse, settings: Settings, part: Manifest) -> Path:
    rows = part.splits["train"]
    folder = warehouse.path(f"models/by_size/{entry.name}-{rows.rows}/")
    governed_by = {
        "rows": rows.hash,
        "seed": settings.seed,
        "code": provenance.code(__file__, entry.module),
        **settings.of(entry.name),
    }
    return checkpoints.of_training(folder, governed_by)


def _mse(judged: DataFrame) -> float:
    error = F.col("prediction") - F.col("rating")
    return float(judged.agg(F.avg(error * error)).collect()[0][0])


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return cli.main("compare_by_size", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
