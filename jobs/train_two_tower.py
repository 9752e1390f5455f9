"""shards/, songs, genres, bias_* -> two_tower_*, deep_cross_*, predictions: the deep models."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pyspark.sql import SparkSession

from ymr_spark import atomically, barrier, checkpoints, cli, provenance, publication, strict_json
from ymr_spark.models.factors import FactorModel, Ints
from ymr_spark.models.mlp import MlpModel
from ymr_spark.settings import Settings
from ymr_spark.shards import indices, manifest
from ymr_spark.warehouse import Warehouse

# These need no other model: they score a song that nobody rated by its content.
_ON_THEIR_OWN = ("deep_cross",)


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Verify the shards; train and publish one model after the other."""
    shards = warehouse.path("shards/")
    contents = manifest.verify(shards, warehouse.pin("ratings"))
    ids = indices.load(shards / "indices")
    catalogue = indices.catalogue(ids, warehouse.load("songs"), warehouse.load("genres"))
    bias = publication.load(warehouse, "bias")
    figures: cli.Figures = {"rows": contents.splits["train"].rows}
    for name in settings.two_tower.models:
        _trained_together(spark, name, warehouse, settings, contents)
        model, curve = _trained(name, warehouse, settings, contents, ids, catalogue)
        figures[name] = publication.publish(
            spark,
            warehouse,
            model,
            None if name in _ON_THEIR_OWN else bias,
            fit_seconds=sum(epoch["seconds"] for epoch in curve),
            parameters=getattr(settings, name).model_dump(mode="json"),
        ) | {"learning_curve": curve}
    return figures


def _trained(
    name: str,
    warehouse: Warehouse,
    settings: Settings,
    contents: manifest.Manifest,
    ids: Mapping[str, Ints],
    catalogue: Mapping[str, Ints],
) -> tuple[FactorModel | MlpModel, list[dict[str, Any]]]:
    """The fitted model and its curve; both are kept below models/, with the SavedModel."""
    # TensorFlow takes seconds to import, which a run with nothing to do should not cost.
    from ymr_spark.models import two_tower, two_tower_training

    model, curve = two_tower_training.fit(**_training(name, warehouse, settings, contents))
    kept = warehouse.path(f"models/{name}/")
    with atomically.replacing(kept / "saved_model") as folder:
        two_tower.save(model, folder)
    atomically.write(kept / "learning_curve.json", strict_json.dumps(curve, indent=1))
    return model.artifact(name, ids, catalogue), curve


def _trained_together(
    spark: SparkSession,
    name: str,
    warehouse: Warehouse,
    settings: Settings,
    contents: manifest.Manifest,
) -> None:
    """Bring the training to its end by several workers; what is left is to take it up."""
    workers = settings.two_tower.workers
    if workers > 1:
        from ymr_spark.models import two_tower_workers

        training = _training(name, warehouse, settings, contents)
        barrier.run(spark, workers, partial(two_tower_workers.work, **training))


def _training(
    name: str, warehouse: Warehouse, settings: Settings, contents: manifest.Manifest
) -> dict[str, Any]:
    parameters = getattr(settings, name).model_dump(mode="json")
    governed_by = {
        "shards": contents.model_dump(),
        "seed": settings.seed,
        "code": provenance.code(__file__),
        **parameters,
    }
    kept = warehouse.path(f"models/{name}/checkpoints/")
    return {
        "name": name,
        "shards": warehouse.path("shards/"),
        "contents": contents,
        "checkpoints": checkpoints.of_training(kept, governed_by),
        "seed": settings.seed,
        "stall_seconds": settings.two_tower.stall_seconds,
        **parameters,
    }


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("train_two_tower", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
