"""`two_tower_dot` as one writes it in Keras: its form, rows in memory, `fit`."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds

from bench.rivals import rows
from bench.rivals.rows import Result
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.shards import indices, inventory
from ymr_spark.shards.inventory import Inventory
from ymr_spark.store import scratch

_ROWS = 4_000_000
_STEPS_AT_ONCE = 32
_RATE = 0.1  # of Adagrad: Adam's moments would pass over all rows of all tables at each step
Columns = dict[str, Ints | Floats]


def compete(warehouse: Warehouse, _: Settings) -> Result:
    """Seconds for a fixed number of rows, without reading them and building the model."""
    chosen = rows.settings_of(warehouse, "two_tower_dot")
    shards = scratch.brought(warehouse.path("shards/"))
    contents = inventory.verify(shards)
    columns = _columns(shards, contents, chosen, _ROWS)
    model, size = network(contents, chosen), chosen["batch_size"]
    # The first steps compile.
    _fit(model, {name: values[: size * _STEPS_AT_ONCE] for name, values in columns.items()}, size)
    seconds = rows.timed(lambda: _fit(model, columns, size))[1]
    count = len(columns["rating"])
    return Result(f"Keras, {count:,} rows", seconds, rows=count)


def compete_by_epoch(warehouse: Warehouse, _: Settings) -> Result:
    """One epoch over all train rows, and its test MSE."""
    chosen = rows.settings_of(warehouse, "two_tower_dot")
    shards = scratch.brought(warehouse.path("shards/"))
    contents = inventory.verify(shards)
    columns, model = _columns(shards, contents, chosen, None), network(contents, chosen)
    seconds = rows.timed(lambda: _fit(model, columns, chosen["batch_size"]))[1]
    test = rows.read(warehouse, "test")
    ids = indices.load(shards / "indices")
    songs = indices.catalogue(ids, warehouse.load("songs"), warehouse.load("genres"))
    pairs = test.user.astype(np.int32), test.song.astype(np.int32)
    asked = indices.Index(ids, songs).columns(*pairs, test.stars.astype(np.float64))
    features = {name: asked[name] for name in _features(chosen)}
    stars = model.predict(features, batch_size=1 << 16, verbose=0).ravel()
    mse = test.mse(stars, warehouse.scale())
    count = len(columns["rating"])
    return Result(f"Keras, an epoch of {count:,} rows", seconds, mse, rows=count)


def _features(chosen: dict[str, Any]) -> list[str]:
    return [f"{name}_index" for name in ("user", "song", *chosen["attributes"])]


def _columns(
    shards: Path, contents: Inventory, chosen: dict[str, Any], most: int | None
) -> Columns:
    """Of train row groups, whose rows lie in random order already: the first that are enough."""
    groups = sorted(contents.splits["train"].row_groups.items())
    before = np.cumsum([0, *(count for _, count in groups)])[:-1]
    files = [
        str(shards / name)
        for (name, _), so_far in zip(groups, before, strict=True)
        if most is None or so_far < most
    ]
    table = ds.dataset(files).to_table(columns=[*_features(chosen), "rating"])
    return {name: table.column(name).to_numpy()[:most] for name in table.column_names}


def _fit(model: Any, columns: Columns, size: int) -> None:
    from ymr_spark.models.two_tower.curves import batches

    # Shuffled slices of whole batches: `fit` on arrays gathers a batch's rows, at 0.7 of the speed.
    rated = batches(columns, size, (1,))
    model.fit(rated.map(lambda batch: (batch, batch.pop("rating"))), verbose=0)


def network(contents: Inventory, chosen: dict[str, Any]) -> Any:
    """Offsets and a dot product, a song's rows and those of its attributes added up."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    import tensorflow as tf

    scale, mean = contents.scale, contents.splits["train"].mean_rating
    layers = tf.keras.layers
    inputs = {name: layers.Input((), dtype="int32", name=name) for name in _features(chosen)}
    rows_of = {
        name: layers.Embedding(
            1 + contents.index_sizes[name.removesuffix("_index")],
            1 + chosen["dimension"],
            embeddings_initializer=tf.keras.initializers.RandomNormal(stddev=0.05),
        )(index)
        for name, index in inputs.items()
    }
    user = rows_of.pop("user_index")
    song = layers.Add()([*rows_of.values()]) if len(rows_of) > 1 else rows_of["song_index"]
    taste = layers.Dot(1)([user[:, 1:], song[:, 1:]])
    share = (mean - scale.lowest) / scale.width
    score = taste + user[:, :1] + song[:, :1] + float(np.log(share / (1 - share)))
    model = tf.keras.Model(inputs, scale.lowest + scale.width * tf.sigmoid(score))
    optimizer = tf.keras.optimizers.Adagrad(_RATE, initial_accumulator_value=1e-8)
    model.compile(optimizer, "mse", steps_per_execution=_STEPS_AT_ONCE)
    return model
