"""ratings, predictions, models -> metrics, ranking, leaderboard.json: one judgement of all."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import atomically, cli, schemas
from ymr_spark.evaluation import comparison, leaderboard, metrics
from ymr_spark.models.blocks import user_blocks
from ymr_spark.publication import identities, load
from ymr_spark.recommendation import catalogue, quality, topk
from ymr_spark.settings import Settings
from ymr_spark.warehouse import Warehouse


def run(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> cli.Figures:
    """Prove that the rows are the same, then score every published model."""
    held_out = warehouse.read(spark, "ratings").where(F.col("split") != "train")
    predictions = warehouse.read(spark, "predictions")
    models = {row["model"]: row for row in warehouse.read(spark, "models").collect()}
    splits = {name: (s["rows"], s["hash"]) for name, s in identities(warehouse).items()}
    train = splits.pop("train")
    comparison.check_train_rows(models.values(), train)
    by_user = metrics.errors_by_user(predictions, held_out)
    comparison.check_predictions(by_user, predictions, held_out, models, splits)
    scored, pairs = [], []
    for split, errors in metrics.by_split(by_user).items():
        draws = metrics.resampled_mse(errors, settings.evaluate.resamples, settings.seed)
        scored += metrics.scores(split, errors, draws)
        pairs += metrics.differences(split, errors, draws)
    _write(spark, warehouse, "metrics", scored)
    _write(spark, warehouse, "differences", pairs)
    lists = _ranking(spark, warehouse, settings, models)
    _write(spark, warehouse, "ranking", lists)
    seconds = {name: row["fit_seconds"] for name, row in models.items()}
    entries = leaderboard.entries(scored, pairs, train, splits["test"], seconds)
    board = leaderboard.leaderboard(entries, lists, train, splits["test"], _floor(warehouse))
    atomically.write(warehouse.path("reports/leaderboard.json"), json.dumps(board, indent=1))
    return {"rows": splits["test"][0], "models": len(models)}


def _ranking(
    spark: SparkSession, warehouse: Warehouse, settings: Settings, names: Iterable[str]
) -> list[dict[str, Any]]:
    """schemas.RANKING rows: each factor model and two lists that are the same for everybody."""
    k = settings.evaluate.ranked_songs
    ratings = warehouse.read(spark, "ratings")
    songs = catalogue.read(ratings.where(F.col("split") == "train"), warehouse.read(spark, "songs"))
    test = ratings.where(F.col("split") == "test")
    users = test.select("user_id").distinct()
    users = users.orderBy(F.xxhash64("user_id", F.lit(settings.seed)), "user_id")
    sample = F.broadcast(users.limit(settings.evaluate.ranked_users).cache())
    heard = user_blocks(ratings.where(F.col("split") != "test").join(sample, "user_id", "leftsemi"))
    liked = test.where(F.col("rating") >= 4).join(sample, "user_id", "leftsemi")
    liked = liked.select("user_id", "song_id").cache()
    damping = settings.bias.song_damping
    rankings = [catalogue.most_popular(songs), catalogue.best_mean(songs, damping)]
    rankings += [load(spark, warehouse, n) for n in names if n in schemas.FACTOR_MODELS]
    found = []
    for model in rankings:
        lists = topk.recommend(heard, model, k).cache()
        judged = quality.quality(lists, liked, k, len(songs.song_ids))
        found.append({"model": model.name, "k": k, **judged})
        lists.unpersist()
    return found


def _write(
    spark: SparkSession, warehouse: Warehouse, table: str, rows: Sequence[dict[str, Any]]
) -> None:
    schema = schemas.TABLES[table]
    cells = [tuple(row[column] for column in schema.fieldNames()) for row in rows]
    warehouse.write(spark.createDataFrame(cells, schema), table)


def _floor(warehouse: Warehouse) -> float | None:
    truth = warehouse.path("raw/") / "truth.json"
    return float(json.loads(truth.read_text())["floor_mse"]) if truth.exists() else None


def main(argv: Sequence[str] | None = None) -> int:
    return cli.main("evaluate", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
