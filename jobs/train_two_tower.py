"""ratings, shards/, bias_* -> two_tower_dot_*, models/two_tower_dot/: the dot-product two-tower."""

import json
import sys
from collections.abc import Sequence
from functools import partial

import numpy as np
from pyspark.sql import SparkSession

from ymr_spark import atomically, barrier, checkpoints, cli, publication
from ymr_spark.settings import Settings
from ymr_spark.shards import manifest
from ymr_spark.warehouse import Warehouse

NAME = "two_tower_dot"


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Verify the shards, train, publish; keep the SavedModel and the learning curve."""
    # TensorFlow takes seconds to import, which a run with nothing to do should not cost.
    from ymr_spark.models import two_tower, two_tower_training, two_tower_workers

    shards, kept = warehouse.path("shards/"), warehouse.path(f"models/{NAME}/")
    contents = manifest.verify(shards, warehouse.pin("ratings"))
    parameters = settings.two_tower.model_dump()
    workers = parameters.pop("workers")
    governed_by = {"shards": contents.model_dump(), "seed": settings.seed, **parameters}
    training = {
        **{"shards": shards, "contents": contents, "seed": settings.seed},
        "checkpoints": checkpoints.of_training(kept / "checkpoints", governed_by),
        **parameters,
    }
    if workers > 1:
        barrier.run(spark, workers, partial(two_tower_workers.work, **training))
    model, curve = two_tower_training.fit(**training)
    with atomically.replacing(kept / "saved_model") as folder:
        two_tower.save(model, folder)
    (kept / "learning_curve.json").write_text(json.dumps(curve, indent=1))
    ids = (np.load(shards / "indices" / f"{side}.npy") for side in ("user", "song"))
    figures = publication.publish(
        spark,
        warehouse,
        two_tower.factor_model(NAME, model, *ids),
        publication.load(spark, warehouse, "bias"),
        fit_seconds=sum(epoch["seconds"] for epoch in curve),
        parameters=parameters,
    )
    best = curve[two_tower_training.best_epoch(curve)]
    return figures | {"learning_curve": curve, "best": best}


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("train_two_tower", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
