"""What makes the lists that evaluate judges: the fits of all models that rank songs, by split."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from ymr_spark.evaluation.list_judgement import Fits
from ymr_spark.evaluation.metrics import Score
from ymr_spark.lists import catalogue
from ymr_spark.lists.listeners import Listeners
from ymr_spark.models import registry
from ymr_spark.models.second_stage import SecondStage
from ymr_spark.packing import Packed
from ymr_spark.pipeline import packed_tables, publication
from ymr_spark.pipeline.publication import Registration
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.store import locations, parquet


def fits(
    spark: SparkSession,
    warehouse: Warehouse,
    settings: Settings,
    models: Mapping[str, Registration],
    scored: Sequence[Score],
) -> dict[str, Fits]:
    """By split that was judged: on validation fits to the train rows alone, on test the final ones.

    Args:
        models: those that are compared.
        scored: their errors, by which the model is chosen whose stars put candidates in order.
    """
    rated = packed_tables.by_user(spark, warehouse)
    ranking = [name for name in models if name in registry.RANKING]
    errors = {s.model: s.mse for s in scored if s.split == "validation" and s.model in ranking}
    stars = min(errors, key=lambda name: (errors[name], name), default=None)
    found = {}
    if errors:
        chosen = {name: publication.load_chosen(warehouse, name) for name in ranking}
        found["validation"] = _fits(warehouse, settings, rated, chosen, stars, ["train"])
    final = {name: publication.load(warehouse, name) for name in ranking}
    splits = next(iter(models.values())).splits
    found["test"] = _fits(warehouse, settings, rated, final, stars, splits)
    return found


def raters(warehouse: Warehouse) -> int:
    """Users with ratings."""
    return len(np.unique(warehouse.load("summary_users")["user_id"].to_numpy()))


def _fits(
    warehouse: Warehouse,
    settings: Settings,
    rated: Packed,
    models: Mapping[str, Any],
    stars: str | None,
    fitted_to: Sequence[str],
) -> Fits:
    chosen_on = fitted_to == ["train"]
    split, heard = ("validation", ["train"]) if chosen_on else ("test", ["train", "validation"])
    options = settings.evaluate
    listeners = Listeners.of(rated, split, heard, users=options.ranked_users, seed=settings.seed)
    counts, songs = warehouse.load("summary_songs"), warehouse.load("songs")
    return Fits(
        listeners,
        {name: model.ranker for name, model in models.items() if model.ranker.tells_songs_apart},
        _second_stage(models, stars),
        catalogue.read(counts, songs, warehouse.scale(), fitted_to),
        None if chosen_on else _oracle(warehouse),
    )


def _second_stage(models: Mapping[str, Any], stars: str | None) -> SecondStage | None:
    if stars is None:
        return None
    fallback = registry.named(stars).fallback
    return SecondStage(models[stars], models.get(fallback or ""), "clip", 0.0)


def _oracle(warehouse: Warehouse) -> pa.Table | None:
    """The best lists that there can be, where the raw files are planted."""
    files = locations.matching(warehouse.path("raw/"), "truth_lists_*.parquet")
    return parquet.dataset([*map(str, files)]).to_table() if files else None
