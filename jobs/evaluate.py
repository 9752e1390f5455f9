"""ratings, predictions, models -> metrics, slices, leaderboard.json: one judgement of all."""

import json
import logging
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark import schemas, strict_json
from ymr_spark.errors import DataContractError
from ymr_spark.evaluation import breakdown, comparison, leaderboard, metrics, scan, slicing
from ymr_spark.lists import catalogue, quality
from ymr_spark.models import registry
from ymr_spark.pipeline import certificate, cli, publication, runs, stages
from ymr_spark.pipeline.publication import identities, load_factors
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.store import atomically

log = logging.getLogger(__name__)
SLICED_BY = ("summary_users", "summary_songs", "songs", "genres")


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Prove that the rows are the same, then score every published model."""
    held_out = publication.held_out(spark, warehouse)
    predictions = warehouse.read(spark, "predictions")
    models = publication.all_registered(warehouse)
    splits = {name: (s["rows"], s["hash"]) for name, s in identities(warehouse).items()}
    train = splits.pop("train")
    if "test" not in splits:
        raise DataContractError(
            f"{warehouse.path('ratings')}: no test rows, so there is nothing to judge models by; "
            "give ingest a test file with ratings"
        )
    comparison.check_train_rows(models.values(), train)
    comparison.check_held_out(held_out, splits)
    rows = sum(count for count, _ in splits.values())
    cuts = slicing.read(warehouse.scale(), *map(warehouse.load, SLICED_BY))
    with_floor = _with_floor(held_out, warehouse)
    sums = scan.sums(predictions, with_floor, sorted(models), rows, cuts)
    comparison.check_predictions(sums, predictions, held_out, models, splits)
    log.info("%d models judged on %d rows", len(models), rows)
    scored, pairs = [], []
    judged = metrics.by_split(sums)
    for split, errors in judged.items():
        draws = metrics.resampled_mse(errors, settings.evaluate.resamples, settings.seed)
        scored += metrics.scores(split, errors, draws)
        pairs += metrics.differences(split, errors, draws)
    warehouse.save(scored, "metrics")
    warehouse.save(pairs, "differences")
    warehouse.save(breakdown.slices(sums, cuts), "slices")
    orders = breakdown.orders(sums)
    warehouse.save(orders, "orders")
    lists = _lists(spark, warehouse, settings, models)
    warehouse.save(lists, "ranking")
    seconds = {name: row["fit_seconds"] for name, row in models.items()}
    entries = leaderboard.entries(scored, pairs, orders, train, splits["test"], seconds)
    board = leaderboard.leaderboard(entries, lists, train, splits["test"], _floor(warehouse))
    atomically.write(warehouse.path("reports/leaderboard.json"), strict_json.dumps(board, indent=1))
    stage = stages.named("evaluate")
    tables = [r for r in (*stage.reads, *stage.writes) if r in schemas.TABLES]
    own = {"evaluate": settings.model_dump(mode="json", include={"seed", *stage.settings})}
    issued = certificate.issue(warehouse, tables, runs.governing(stage, warehouse) | own)
    atomically.write(warehouse.path(certificate.RESOURCE), strict_json.dumps(issued, indent=1))
    return {"rows": splits["test"][0], "models": len(models)}


def verify(warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Hold the data against the certificate of the last comparison; write nothing."""
    warehouse.require(certificate.RESOURCE)
    issued = json.loads(warehouse.path(certificate.RESOURCE).read_text())
    with cli.spark_session("evaluate", settings) as spark:
        certificate.verify(spark, warehouse, issued)
    log.info("ratings, predictions, shards and leaderboard are those of the certificate")
    rows = sum(split["rows"] for split in issued["ratings"].values())
    return {"status": "verified", "rows": rows, "models": len(issued["predictions"])}


def _with_floor(held_out: DataFrame, warehouse: Warehouse) -> DataFrame:
    """The rows with the variance that planted data leave to no model, where it is known."""
    files = sorted(warehouse.path("raw/").glob("truth_*.parquet"))
    if not files:
        return held_out.withColumn("floor", F.lit(None).cast("float"))
    variance = held_out.sparkSession.read.parquet(*map(str, files))
    keys = ["user_id", "song_id"]
    known = variance.select(*keys, F.lit("test").alias("split"), F.col("variance").alias("floor"))
    return held_out.join(known, [*keys, "split"], how="left")


def _lists(
    spark: SparkSession, warehouse: Warehouse, settings: Settings, names: Iterable[str]
) -> list[dict[str, Any]]:
    """schemas.RANKING rows: the models that tell songs apart, and two lists for everybody."""
    scale = warehouse.scale()
    songs = catalogue.read(warehouse.load("summary_songs"), warehouse.load("songs"), scale)
    rankings = [catalogue.most_popular(songs, scale)]
    rankings.append(catalogue.best_mean(songs, settings.of("bias")["song_damping"], scale))
    models = (load_factors(warehouse, n) for n in names if n in registry.RANKING)
    rankings += [m for m in models if m.tells_songs_apart]
    ratings = warehouse.read(spark, "ratings")
    options = settings.evaluate
    return quality.of_models(
        ratings,
        rankings,
        k=options.ranked_songs,
        users=options.ranked_users,
        seed=settings.seed,
    )


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
