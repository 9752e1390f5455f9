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

from ymr_spark import checkpoints, cli, provenance, schemas
from ymr_spark.evaluation import comparison
from ymr_spark.models import artifacts, bias, latent_factor_training
from ymr_spark.models.blocks import song_blocks, user_blocks
from ymr_spark.models.factors import FactorModel
from ymr_spark.models.latent_factor_training import Rows
from ymr_spark.models.mlp import MlpModel
from ymr_spark.publication import all_registered
from ymr_spark.ratings import identity_of, identity_sums
from ymr_spark.settings import Settings
from ymr_spark.shards import indices, manifest
from ymr_spark.shards.manifest import Manifest
from ymr_spark.warehouse import Warehouse

log = logging.getLogger(__name__)
_DEEP = ("two_tower_dot", "two_tower_mlp")
MODELS = ("bias", "latent_factor", *_DEEP)
Fitted = tuple[FactorModel | MlpModel, float]


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Fit each model anew to the first row groups of the shards; all rows are the pipeline's."""
    shards = warehouse.path("shards/")
    contents = manifest.verify(shards, warehouse.pin("ratings"))
    ratings = warehouse.read(spark, "ratings")
    test = ratings.where(F.col("split") == "test")
    validation = Rows.of(ratings.where(F.col("split") == "validation"))
    found = [*_at_full_size(warehouse, contents.splits["train"])]
    for groups in row_groups(len(contents.splits["train"].row_groups), settings):
        files = sorted(contents.splits["train"].row_groups)[:groups]
        train = spark.read.parquet(*(str(shards / "train" / name) for name in files))
        train = train.select("user_id", "song_id", "rating")
        part = _part(contents, files, train)
        rows, content = part.splits["train"].rows, part.splits["train"].hash
        log.info("%d row groups, %d ratings", groups, rows)
        for model, fallback, seconds in _fitted(warehouse, settings, part, train, validation):
            mse = _mse(artifacts.predict(test, model, fallback), test)
            log.info("%s on %d ratings: MSE %.4f", model.name, rows, mse)
            found.append((model.name, rows, content, mse, seconds))
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
    models = {name: row for name, row in all_registered(warehouse).items() if name in MODELS}
    comparison.check_train_rows(models.values(), (train.rows, train.hash))
    for score in judged:
        if model := models.get(score["model"]):
            train_rows = model["train_rows"], model["train_hash"]
            yield score["model"], *train_rows, score["mse"], model["fit_seconds"]


def _part(contents: Manifest, files: Sequence[str], train: DataFrame) -> Manifest:
    """A manifest of these row groups alone; rows are in random order, so that they are a sample."""
    found = train.agg(*identity_sums(), F.avg("rating").alias("mean")).collect()[0]
    rows, content = identity_of(found)
    whole = contents.splits["train"]
    kept = {name: whole.row_groups[name] for name in files}
    sample = manifest.Split(rows=rows, hash=content, mean_rating=found["mean"], row_groups=kept)
    return contents.model_copy(update={"splits": contents.splits | {"train": sample}})


def _fitted(
    warehouse: Warehouse, settings: Settings, part: Manifest, train: DataFrame, validation: Rows
) -> Iterator[tuple[FactorModel | MlpModel, FactorModel | None, float]]:
    """Each model of MODELS with its fallback and the seconds it took."""
    started = time.monotonic()
    users = user_blocks(train)
    base, _ = bias.fit(users, **settings.bias.model_dump())
    yield base, None, time.monotonic() - started
    model, seconds = _latent_factor(warehouse, settings, part, train, users, base, validation)
    users.unpersist()
    yield model, base, seconds
    for name in _DEEP:
        model, seconds = _two_tower(name, warehouse, settings, part)
        # A song that nobody rated has the rows of its attributes, in a factor model.
        songs = model.song_ids if isinstance(model, FactorModel) else base.song_ids
        yield artifacts.only(model, base.user_ids, songs), base, seconds


def _latent_factor(
    warehouse: Warehouse,
    settings: Settings,
    part: Manifest,
    train: DataFrame,
    users: DataFrame,
    base: FactorModel,
    validation: Rows,
) -> Fitted:
    started = time.monotonic()
    section = settings.latent_factor.model_dump()
    songs = song_blocks(train)
    model, _ = latent_factor_training.fit(
        users,
        songs,
        base,
        validation,
        _checkpoints("latent_factor", warehouse, settings, part),
        **section,
        seed=settings.seed,
    )
    songs.unpersist()
    return model, time.monotonic() - started


def _two_tower(name: str, warehouse: Warehouse, settings: Settings, part: Manifest) -> Fitted:
    from ymr_spark.models import two_tower_training

    shards = warehouse.path("shards/")
    model, curve = two_tower_training.fit(
        name,
        shards,
        part,
        _checkpoints(name, warehouse, settings, part),
        seed=settings.seed,
        stall_seconds=settings.two_tower.stall_seconds,
        **getattr(settings, name).model_dump(mode="json"),
    )
    ids = indices.load(shards / "indices")
    catalogue = indices.catalogue(ids, warehouse.load("songs"), warehouse.load("genres"))
    artifact = model.artifact(name, ids, catalogue)
    return artifact, sum(epoch["seconds"] for epoch in curve)


def _checkpoints(name: str, warehouse: Warehouse, settings: Settings, part: Manifest) -> Path:
    section = getattr(settings, name).model_dump(mode="json")
    rows = part.splits["train"]
    folder = warehouse.path(f"models/by_size/{name}-{rows.rows}/")
    governed_by = {
        "rows": rows.hash,
        "seed": settings.seed,
        "code": provenance.code(__file__),
        **section,
    }
    return checkpoints.of_training(folder, governed_by)


def _mse(predictions: DataFrame, test: DataFrame) -> float:
    keys = ["user_id", "song_id"]
    pairs = predictions.select(*keys, "prediction").join(test, keys, how="inner")
    error = F.col("prediction") - F.col("rating")
    return float(pairs.agg(F.avg(error * error)).collect()[0][0])


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("compare_by_size", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
