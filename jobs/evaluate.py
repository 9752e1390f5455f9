"""ratings, predictions, models -> metrics, slices, leaderboard.json: one judgement of all."""

import json
import logging
import sys
from collections.abc import Collection, Mapping, Sequence

import pyarrow.compute as pc
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import schemas
from ymr_spark.errors import DataContractError
from ymr_spark.evaluation import (
    breakdown,
    leaderboard,
    list_judgement,
    metrics,
    same_rows,
    scan,
    slicing,
)
from ymr_spark.evaluation.scan import Sums
from ymr_spark.evaluation.slicing import Slicings
from ymr_spark.identity import Identity
from ymr_spark.models import registry
from ymr_spark.pipeline import (
    certificate,
    cli,
    data_files,
    fitting,
    list_fits,
    predicting,
    publication,
    runs,
    stages,
)
from ymr_spark.pipeline.data_files import DataFiles
from ymr_spark.pipeline.publication import identities
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Evaluated, Tuned, Verified
from ymr_spark.shards import inventory
from ymr_spark.store import atomically, locations

log = logging.getLogger(__name__)
FLOOR = ("user_id", "song_id", "variance")
SLICED_BY = ("summary_users", "summary_songs", "songs", "genres")


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> Evaluated:
    """Prove that the rows are the same, then score the published models that settings name."""
    models, splits = _judged(warehouse, settings), identities(warehouse)
    fits = {n: m.chosen_on for n, m in models.items()}, {n: m.fitted_to for n, m in models.items()}
    fitted_to = same_rows.check_train_rows(*fits, splits)
    cuts = slicing.read(warehouse.scale(), *map(warehouse.load, SLICED_BY))
    rating = {name: model for name, model in models.items() if name in registry.RATING}
    sums = _sums(spark, warehouse, rating, fitted_to, splits, cuts)
    scored, pairs = [], []
    for split, errors in metrics.by_split(sums).items():
        draws = metrics.resampled_mse(errors, settings.evaluate.resamples, settings.seed)
        scored += metrics.scores(split, errors, draws)
        pairs += metrics.differences(split, errors, draws)
    orders = breakdown.orders(sums)
    fits_of_lists = list_fits.fits(spark, warehouse, settings, models, scored)
    lists = list_judgement.judge(fits_of_lists, cuts.users[0], list_fits.raters(warehouse))
    warehouse.save(scored, "metrics")
    warehouse.save(pairs, "differences")
    warehouse.save(breakdown.slices(sums, cuts), "slices")
    warehouse.save(orders, "orders")
    warehouse.save(lists.quality, "ranking")
    warehouse.save(lists.slices, "ranking_slices")
    warehouse.save(lists.weights, "list_weights")
    seconds = {name: model.fit_seconds for name, model in models.items()}
    tuned = {name: fitting.chosen(name, warehouse, settings) for name in models}
    at_edge = {name: found.at_edge for name, found in tuned.items() if found and found.at_edge}
    board = leaderboard.leaderboard(
        scored, pairs, orders, lists, seconds, fitted_to, splits, _floor(warehouse), at_edge
    )
    atomically.write(warehouse.path("reports/leaderboard.json"), board.as_json())
    _certify(warehouse, settings, tuned, *fits)
    return Evaluated(rows=splits["test"].rows, models=len(models))


def _sums(
    spark: SparkSession,
    warehouse: Warehouse,
    models: Collection[str],
    fitted_to: Identity,
    splits: Mapping[str, Identity],
    cuts: Slicings,
) -> list[Sums]:
    """What all models' predictions of the very same held-out rows add up to."""
    if "test" not in splits:
        raise DataContractError(
            f"{warehouse.path('ratings')}: no test rows, so there is nothing to judge models by; "
            "give ingest a test file with ratings"
        )
    held_out = predicting.held_out(spark, warehouse)
    judged = {name: split for name, split in splits.items() if name != "train"}
    same_rows.check_held_out(held_out, judged)
    predictions = warehouse.read(spark, "predictions")
    predictions = predictions.where(F.col("model").isin([*models]))
    same_rows.check_fits(predictions, fitted_to, splits)
    rows = sum(split.rows for split in judged.values())
    of_models, of_splits = pc.field("model").isin([*models]), pc.field("split") != "train"
    sums = scan.sums(
        data_files.of(spark, warehouse, "predictions", where=of_models),
        data_files.of(spark, warehouse, "ratings", where=of_splits),
        sorted(models),
        rows,
        cuts,
        _floors(spark, warehouse),
    )
    same_rows.check_predictions(sums, predictions, held_out, models, judged)
    log.info("%d models judged on %d rows", len(models), rows)
    return sums


def _certify(
    warehouse: Warehouse,
    settings: Settings,
    tuned: Mapping[str, Tuned | None],
    chosen_on: Mapping[str, Identity],
    fitted_to: Mapping[str, Identity],
) -> None:
    stage = stages.named("evaluate")
    compared = map(registry.named, tuned)
    of_models = {r for e in compared for r in (*e.tables, *e.chosen, *e.choice)}
    read = (r for r in stage.optional if r in of_models and warehouse.path(r).exists())
    named = [*stage.reads, *read, *stage.writes]
    tables = [resource for resource in named if resource in schemas.TABLES]
    files = [f"shards/{inventory.NAME}", *(r for r in named if r.endswith((".json", ".npz")))]
    files.remove(certificate.RESOURCE)  # which is written last
    own = {"evaluate": settings.model_dump(mode="json", include={"seed", *stage.settings})}
    governing = runs.governing(stage, warehouse) | own
    issued = certificate.issue(warehouse, tuned, chosen_on, fitted_to, tables, files, governing)
    atomically.write(warehouse.path(certificate.RESOURCE), issued.model_dump_json(indent=1))


def verify(warehouse: Warehouse, settings: Settings) -> Verified:
    """Hold the data against the certificate of the last comparison; write nothing."""
    issued = certificate.read(warehouse)
    with cli.spark_session("evaluate", settings) as spark:
        certificate.verify(spark, warehouse, issued)
    log.info("ratings, predictions, shards and leaderboard are those of the certificate")
    rows = sum(split.rows for split in issued.ratings.values())
    return Verified(status="verified", rows=rows, models=len(issued.predictions))


def _judged(warehouse: Warehouse, settings: Settings) -> dict[str, publication.Registration]:
    """The published models that the settings name."""
    published = publication.all_registered(warehouse)
    found = {name: model for name, model in published.items() if name in settings.models}
    if not found:
        raise DataContractError(
            f"{warehouse.path('models')}: none of the models that the settings name "
            f"({', '.join(settings.models)}) is there, only {', '.join(published) or 'none'}; "
            "train one of them"
        )
    return found


def _floors(spark: SparkSession, warehouse: Warehouse) -> DataFiles | None:
    """What planted data leave of test rows to no model, where that is known."""
    files = locations.matching(warehouse.path("raw/"), "truth_[0-9]*.parquet")
    return data_files.of_paths(spark, [[file] for file in files], FLOOR) if files else None


def _floor(warehouse: Warehouse) -> float | None:
    truth = warehouse.path("raw/") / "truth.json"
    return float(json.loads(truth.read_text())["floor_mse"]) if truth.exists() else None


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = cli.parser(__doc__)
    arguments.add_argument(
        "--verify", action="store_true", help="hash the data of the last comparison again"
    )
    options = arguments.parse_args(argv)
    if options.verify:
        return cli.read_only("evaluate", verify, options)
    return cli.stage_main("evaluate", run, options)


if __name__ == "__main__":
    sys.exit(main())
