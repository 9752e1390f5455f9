"""Records as stages write them, with plain values for what a test does not look at."""

from typing import Any

from pyspark.sql import SparkSession

from ymr_spark import grouping
from ymr_spark.identity import Identity
from ymr_spark.pipeline import manifests, stages
from ymr_spark.pipeline.packed_tables import BY_SONG, BY_USER
from ymr_spark.pipeline.publication import identities
from ymr_spark.pipeline.stages import Stage
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records import figures
from ymr_spark.records.description import Description
from ymr_spark.records.figures import Choice, Figures, Ingested, Trained, Tuned
from ymr_spark.records.leaderboard import Leaderboard, ListStanding, Standing
from ymr_spark.records.learning_curve import Curve, Point
from ymr_spark.records.line_counts import LineCounts
from ymr_spark.records.manifest import Cost, Fingerprint, Manifest

FINGERPRINT = Fingerprint(code="c0", packages={}, settings={}, inputs={})
COST = Cost(job_seconds=30, peak_memory_mib=2048)


def entry(name: str, mse: float = 1.5, group: int = 1, **values: Any) -> Standing:
    """A model on the leaderboard whose interval has no width."""
    plain: dict[str, Any] = {
        **{"rows": 10, "rmse": 1.2, "mae": 0.9, "mse_low": mse, "mse_high": mse},
        **{"fallback_share": 0.001, "fit_seconds": 12.0},
        **{"ndcg_users": 9, "ndcg": 0.5, "ndcg_low": 0.4, "ndcg_high": 0.6},
        **{"pairwise_users": 9, "pairwise": 0.5, "pairwise_low": 0.4, "pairwise_high": 0.6},
        **{"train_rows": 90, "train_hash": "aa", "test_hash": "bb"},
        **{"chosen_on_rows": 80, "chosen_on_hash": "a0"},
    }
    return Standing(name=name, group=group, mse=mse, **plain | values)


def board(*models: Standing, **values: Any) -> Leaderboard:
    """A leaderboard of these models."""
    plain: dict[str, Any] = {"train_rows": 90, "train_hash": "aa", "test_rows": 10}
    plain |= {"chosen_on_rows": 80, "chosen_on_hash": "a0"}
    return Leaderboard(models=models, **plain | {"test_hash": "bb", "lists": ()} | values)


def listed(model: str, ndcg: float | None, **values: Any) -> ListStanding:
    """The lists of four users, whose interval has no width."""
    plain: dict[str, Any] = {"name": model, "group": 1, **list_figures(ndcg)}
    plain |= {"validation_ndcg_100": ndcg, "way": None, "train_rows": 90, "train_hash": "aa"}
    return ListStanding.model_validate(plain | values)


def list_figures(ndcg: float | None) -> dict[str, Any]:
    """Of lists of four users."""
    return {
        **{"users": 4, "coverage": 0.5, "novelty": 3.0, "shared": 0.1},
        **{"ndcg_100": ndcg, "ndcg_100_low": ndcg, "ndcg_100_high": ndcg, "ndcg_10": ndcg},
        **{"recall_100": ndcg and ndcg / 2, "recall_20": ndcg and ndcg / 4},
    }


def curve(*errors: tuple[float | None, float | None]) -> Curve:
    """Of (train, validation) MSEs by epoch, a second each."""
    return [
        Point(epoch=epoch, train_mse=train, validation_mse=validation, seconds=1.0)
        for epoch, (train, validation) in enumerate(errors, start=1)
    ]


def known(error: float | None) -> float:
    """Of a point that has one."""
    assert error is not None
    return error


def manifest(stage: str, figures: Figures, **values: Any) -> Manifest:
    """Of the stage's first run."""
    plain: dict[str, Any] = {"run_id": "r", "sequence": 1, "finished": "2026-01-31"}
    plain |= {"fingerprint": FINGERPRINT, "outputs": {}, **COST.model_dump()}
    return Manifest(stage=stage, figures=figures, **plain | values)


def write(warehouse: Warehouse, stage: str, figures: Figures) -> None:
    """The manifest of a run of the stage that told these."""
    manifests.write(stages.named(stage), warehouse, "r", FINGERPRINT, figures, COST)


def trained(model: str, **values: Any) -> Trained:
    """What a training tells."""
    plain: dict[str, Any] = {"rows": 4800, "train_hash": "aa", "fit_seconds": 12.0}
    plain |= {"chosen_on": Identity(4700, "a0"), "final_fit_seconds": 3.0}
    plain |= {"predict_seconds": 1.0, "parameters": {}, "learning_curve": [], "told": {}}
    return Trained(model=model, **plain | values)


def ingested(splits: dict[str, Identity], ratings_version: int, **values: Any) -> Ingested:
    """What ingest tells of these splits."""
    none = LineCounts(0, 0, {})
    plain: dict[str, Any] = {"source": "R2", "files": {}, "songs": none, "unknown_genres": 0}
    plain |= {"additions": [], "stamps": {}, "forgotten": None}
    return Ingested(splits=splits, ratings_version=ratings_version, **plain | values)


def packed(spark: SparkSession, warehouse: Warehouse) -> None:
    """The ratings packed, and the manifest of that, whatever ingest has told of them."""
    frame, scale = warehouse.read(spark, "ratings"), warehouse.scale()
    warehouse.write(grouping.of_rows(frame, "user_id", "song_id", scale), BY_USER)
    warehouse.write(grouping.of_rows(frame, "song_id", "user_id", scale), BY_SONG)
    splits, version = identities(warehouse), warehouse.pin("ratings")
    write(warehouse, "pack", figures.Packed(splits=splits, ratings_version=version))


def of(stage: Stage) -> Figures:
    """Something for any stage to tell."""
    error = Point(epoch=1, train_mse=1.0, validation_mse=1.0)
    lists = Description(1, 1.0, 1.0, 1.0, 1.0, ())
    plain: dict[str, Figures] = {
        "generate_r2": figures.Generated(floor_mse=1.0),
        "convert_movielens": figures.Converted(lines={}),
        "ingest": ingested({"train": Identity(1, "aa")}, 0),
        "pack": figures.Packed(splits={"train": Identity(1, "aa")}, ratings_version=0),
        "export_shards": figures.Exported(train=1, validation=1, index_sizes={}),
        "evaluate": figures.Evaluated(models=1),
        "recommend": figures.Recommended(model="als", verified=1, described=lists),
        "report": figures.Reported(bytes=1),
        "compare_by_size": figures.ComparedBySize(fits=1),
        "search": figures.Searched(
            model="als", best=figures.Best(**error.model_dump(), parameters={})
        ),
    }
    models: dict[str, Figures] = {
        "train": trained(str(stage.model)),
        "tune": tuned(str(stage.model)),
    }
    return {**plain, **models}.get(stage.job, Figures(rows=1))


def tuned(model: str, **values: Any) -> Tuned:
    """That of 6 trials, two came to the larger sample; the best has the lowest rank there is."""
    plain: dict[str, Any] = {
        "rows": 1_000,
        "trials": 6,
        "finalists": 2,
        "ranges": {"rank": (2.0, 32.0)},
        "given": {"rank": 8},
        "best": Choice(settings={"rank": 2}, validation_mse=1.25),
        "runner_up": Choice(settings={"rank": 8}, validation_mse=1.5),
        "at_edge": ["rank"],
        "first_rung": (1.5, 2.0),
    }
    return Tuned(model=model, **plain | values)
