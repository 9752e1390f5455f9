"""Lists made from something else than the last ones are published only if that is wanted."""

import pytest
import told
from builders import ratings
from on_disk import Warehouse
from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.pipeline import gates
from ymr_spark.pipeline.settings import Gates
from ymr_spark.records.basis import Basis, Judged
from ymr_spark.records.line_counts import LineCounts

BEFORE = Basis(
    quarantine_share=0.01,
    rating_shares={1.0: 0.5, 5.0: 0.5},
    user_mean=3.0,
    mse=Judged(value=1.0, low=0.95, high=1.05),
    ndcg_100=Judged(value=0.20, low=0.19, high=0.21),
)
STRICT = Gates(quarantine_rise=0.01, rating_shift=0.1, user_mean_shift=0.2, worse_models=False)
WORSE: dict[str, dict[str, object]] = {
    "quarantine_rise: 0.0200": {"quarantine_share": 0.03},
    "rating_shift: 0.2000": {"rating_shares": {1.0: 0.3, 3.0: 0.1, 5.0: 0.6}},
    "user_mean_shift: 0.3000": {"user_mean": 2.7},
    "worse_models: test MSE 1.2000, before 1.0000": {"mse": Judged(value=1.2, low=1.1, high=1.3)},
    "worse_models: NDCG@100 of the lists 0.1500": {
        "ndcg_100": Judged(value=0.15, low=0.14, high=0.16)
    },
}


@pytest.mark.parametrize("words", WORSE)
def test_a_gate_closes(words: str) -> None:
    now = BEFORE.model_copy(update=WORSE[words])
    with pytest.raises(DataContractError, match=f"^gates.{words}") as told_of:
        gates.require_open(now, BEFORE, STRICT)
    assert ";" not in str(told_of.value).split(":")[1]
    assert not gates.closed(now, BEFORE, Gates())
    assert not gates.closed(now, now, STRICT)


def test_a_little_is_let_through() -> None:
    now = Basis(
        quarantine_share=0.015,
        rating_shares={1.0: 0.45, 5.0: 0.55},
        user_mean=3.1,
        mse=Judged(value=1.06, low=1.01, high=1.11),
        ndcg_100=Judged(value=0.185, low=0.175, high=0.195),
    )
    assert not gates.closed(now, BEFORE, STRICT)
    better = now.model_copy(update={"quarantine_share": 0.0, "mse": None, "ndcg_100": None})
    assert not gates.closed(better, BEFORE, STRICT)
    gates.require_open(now, None, STRICT)


def test_what_lists_are_made_from(spark: SparkSession, warehouse: Warehouse) -> None:
    version = warehouse.write(ratings(spark, [(1, 1, 5)]), "ratings")
    files = {"train_0.txt": LineCounts(90, 89, {"fields": 1}), "test_0.txt": LineCounts(10, 10, {})}
    measured = told.ingested({"train": Identity(1, "f")}, version, files=files)
    told.write(warehouse, "ingest", measured)
    counts = [
        {"user_id": 1, "split": "train", "counts": [1, 0, 0, 0, 2]},
        {"user_id": 1, "split": "validation", "counts": [0, 0, 0, 0, 1]},
        {"user_id": 2, "split": "train", "counts": [1, 0, 0, 0, 0]},
        {"user_id": 2, "split": "test", "counts": [0, 9, 0, 0, 0]},
    ]
    warehouse.save(counts, "summary_users")
    metrics = [
        {"model": "als", "split": "test", "mse": 1.2, "mse_low": 1.1, "mse_high": 1.3},
        {"model": "bias", "split": "test", "mse": 1.5, "mse_low": 1.4, "mse_high": 1.6},
        {"model": "bias", "split": "validation", "mse": 0.5, "mse_low": 0.4, "mse_high": 0.6},
    ]
    warehouse.save(metrics, "metrics")
    lists = [
        {"model": "als", "split": "test", "ndcg_100": 0.3},
        {"model": "recommend", "split": "test", "ndcg_100": 0.2},
    ]
    warehouse.save(lists, "ranking")
    found = gates.measured(warehouse)
    assert found.quarantine_share == 0.01
    assert found.rating_shares == {1.0: 0.4, 2.0: 0.0, 3.0: 0.0, 4.0: 0.0, 5.0: 0.6}
    assert found.user_mean == (4.0 + 1.0) / 2
    assert found.mse == Judged(value=1.2, low=1.1, high=1.3)
    assert found.ndcg_100 == Judged(value=0.2, low=None, high=None)


def test_those_of_another_version_are_none(warehouse: Warehouse) -> None:
    path = warehouse.path(gates.RESOURCE)
    path.parent.mkdir(parents=True)
    assert gates.last(warehouse) is None
    path.write_text(BEFORE.model_dump_json())
    assert gates.last(warehouse) == BEFORE
    path.write_text("{}")
    assert gates.last(warehouse) is None
