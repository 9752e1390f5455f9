"""Two-tower training: fed by Petastorm against fed from memory, and time to an error beside ALS.

    python -m bench.training --conf conf/full.yaml [--set KEY=VALUE ...] [--row-groups 4]

needs the shards. Each two-tower model of `models` trains on the same row groups from both sources
in turn, after an untimed pass; prints a JSON line a repetition, then the medians' ratio and the
peak memory. Where models have been trained, the seconds that each took to an MSE on validation
follow, for the worst final MSE among them and for the best that two have reached.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf

from ymr_spark.models import registry
from ymr_spark.models.two_tower import training as two_tower_training
from ymr_spark.models.two_tower.curves import batches
from ymr_spark.models.two_tower.progress import optimizer_of
from ymr_spark.pipeline import manifests, settings_file, stages
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Trained
from ymr_spark.records.learning_curve import Curve
from ymr_spark.runtime import session
from ymr_spark.runtime.memory import PeakMemory
from ymr_spark.shards import inventory, reader
from ymr_spark.shards.inventory import Inventory
from ymr_spark.store import scratch

Line = dict[str, Any]
Point = tuple[float, float]  # seconds since the start, validation MSE
_OF_TRAINING = ("batch_size", "max_epochs", "patience", "tolerance", "learning_rate")


def part(contents: Inventory, groups: int) -> Inventory:
    """The manifest with the first row groups of train only."""
    train = contents.splits["train"]
    kept = dict(sorted(train.row_groups.items())[:groups])
    smaller = train.model_copy(update={"row_groups": kept, "rows": sum(kept.values())})
    return contents.model_copy(update={"splits": contents.splits | {"train": smaller}})


def feeds(
    shards: Path, contents: Inventory, columns: tuple[str, ...], batch_size: int, seed: int
) -> dict[str, tf.data.Dataset]:
    """The same rows, shuffled by both; those in memory before the clock runs."""
    names = sorted(contents.splits["train"].row_groups)
    files = [pq.ParquetFile(shards / name).read([*columns]) for name in names]
    arrays = {
        column: np.concatenate([file.column(column).to_numpy() for file in files])
        for column in columns
    }
    source = reader.dataset(shards, contents, "train", columns, batch_size=batch_size, seed=seed)
    return {"petastorm": source, "memory": batches(arrays, batch_size, (seed,))}


def fed(
    name: str, shards: Path, contents: Inventory, chosen: Settings, times: int
) -> Iterator[Line]:
    """Rows a second of training from each source, and their ratio."""
    section = chosen.of(name)
    network = registry.imported(registry.named(name).estimator).network
    form = {key: value for key, value in section.items() if key not in _OF_TRAINING}
    model = two_tower_training.build(network, shards, contents, seed=chosen.seed, **form)
    optimizer, rows = optimizer_of(model, section["learning_rate"]), contents.splits["train"].rows
    steps = section["max_epochs"] * math.ceil(rows / section["batch_size"])
    two_tower_training.compile_with(optimizer, model, steps)
    columns = (*model.features, "rating")
    sources = feeds(shards, contents, columns, section["batch_size"], chosen.seed)
    rows = contents.splits["train"].rows
    found: dict[str, list[float]] = {source: [] for source in sources}
    for repetition in range(times + 1):
        for source, dataset in sources.items():
            started = time.monotonic()
            model.fit(dataset, verbose=0)
            if repetition:
                found[source].append(rows / (time.monotonic() - started))
        if repetition:
            yield {"model": name} | {s: round(rates[-1]) for s, rates in found.items()}
    petastorm, memory = (statistics.median(found[source]) for source in ("petastorm", "memory"))
    yield {"model": name, "rows": rows, "petastorm_by_memory": round(petastorm / memory, 3)}


def trained(warehouse: Warehouse, spark_defaults: Path | None) -> dict[str, list[Point]]:
    """The learning curves of the models that have one, and the one point of `als`."""
    curves = {}
    for name in registry.NAMES:
        told = manifests.told(stages.of_model(name).name, warehouse, Trained)
        if told and told.learning_curve:
            curves[name] = cumulated(told.learning_curve)
    if curves and warehouse.version("metrics") is not None:
        spark = session.build("bench training", spark_defaults)
        als = warehouse.read(spark, "metrics").where("model = 'als' AND split = 'validation'")
        models = warehouse.read(spark, "models").select("model", "fit_seconds")
        points = als.join(models, "model").collect()
        curves["als"] = [(row["fit_seconds"], row["mse"]) for row in points]
        spark.stop()
    return curves


def cumulated(curve: Curve) -> list[Point]:
    times = accumulate(point.seconds or 0.0 for point in curve)
    errors = (math.nan if p.validation_mse is None else p.validation_mse for p in curve)
    return list(zip(times, errors, strict=True))


def races(curves: dict[str, list[Point]]) -> Iterator[Line]:
    """Seconds of each model to the MSE that the worst has reached, and that the second best has."""
    reached = sorted(min(mse for _, mse in points) for points in curves.values() if points)
    for target in sorted({reached[-1], reached[min(1, len(reached) - 1)]}, reverse=True):
        yield {"validation_mse": round(target, 4)} | {
            name: next((round(seconds, 1) for seconds, mse in points if mse <= target), None)
            for name, points in curves.items()
        }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--conf", type=Path, required=True)
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments.add_argument("--row-groups", type=int, default=4)
    arguments.add_argument("--repetitions", type=int, default=3)
    options = arguments.parse_args()
    chosen = settings_file.load(options.conf, options.set)
    warehouse = Warehouse(chosen.warehouse, chosen.raw.folder)
    shards = scratch.brought(warehouse.path("shards/"))
    contents = part(inventory.verify(shards), options.row_groups)
    tf.config.experimental.enable_op_determinism()
    with PeakMemory() as memory:
        for name in (n for n in chosen.models if registry.named(n).deep):
            for line in fed(name, shards, contents, chosen, options.repetitions):
                print(json.dumps(line), flush=True)
    print(json.dumps({"peak_memory_mib": round(memory.mebibytes)}))
    if curves := trained(warehouse, chosen.spark_defaults):
        for line in races(curves):
            print(json.dumps(line))


if __name__ == "__main__":
    main()
