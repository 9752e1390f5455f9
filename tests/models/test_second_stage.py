from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from builders import dense_ratings, flat_model, ratings
from pyspark.sql import SparkSession

from ymr_spark.models import topk
from ymr_spark.models.arrays import log_chance
from ymr_spark.models.ranker import ArtistCap
from ymr_spark.models.second_stage import SecondStage, ordered
from ymr_spark.packing import by_user

NAMES = ["user_id", "rank", "song_id", "score"]
STARS = replace(flat_model(3.0, 3, 6), song_offsets=np.array([0, 0.5, 1, -1, 2, -2.0]))


def candidates(*rows: tuple[int, int, int, float]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    kinds = (pa.int32(), pa.int32(), pa.int32(), pa.float64())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, NAMES)


def test_by_hand() -> None:
    # ln .5 + .5 · 3 = .807, ln .4 + .5 · 3.5 = .834, ln .1 + .5 · 5 = .197; the cut: ln .001.
    asked = candidates((1, 1, 0, 0.5), (1, 2, 1, 0.4), (1, 3, 4, 0.1), (2, 1, 5, 0.2), (2, 2, 3, 0))
    found = SecondStage(STARS, None, "chance", 0.5).of(asked, 2).to_pylist()
    assert [(r["user_id"], r["rank"], r["song_id"], r["place"]) for r in found] == [
        (1, 1, 1, 2), (1, 2, 0, 1), (2, 1, 5, 1), (2, 2, 3, 2),
    ]  # fmt: skip
    scores = [np.log(0.4) + 1.75, np.log(0.5) + 1.5, np.log(0.2) + 0.5, np.log(0.001) + 1]
    assert [r["score"] for r in found] == pytest.approx(scores)
    assert [r["stars"] for r in found] == [3.5, 3, 1, 2]


def test_without_weight_the_order_is_that_of_the_candidates() -> None:
    asked = candidates((1, 1, 3, 9.0), (1, 2, 1, 8.0), (1, 3, 4, 8.0))
    found = SecondStage(STARS, None, "log_chance", 0.0).of(asked, 5).to_pylist()
    assert [(r["song_id"], r["place"], r["rank"]) for r in found] == [
        (3, 1, 1),
        (1, 2, 2),
        (4, 3, 3),
    ]


def test_what_the_model_of_stars_does_not_know_is_scored_by_its_fallback() -> None:
    few = STARS.only(np.array([1]), np.array([0]))
    asked = candidates((1, 1, 0, 0.0), (1, 2, 4, 0.0))
    found = SecondStage(few, STARS, "log_chance", 1.0).of(asked, 2).to_pylist()
    assert [(r["song_id"], r["stars"]) for r in found] == [(4, 5.0), (0, 3.0)]


def test_of_equal_values_the_lowest_song_is_first() -> None:
    order, ranks = ordered(
        np.array([2, 1, 1, 1]), np.array([9, 8, 7, 6]), np.array([1, 5, 5, 6.0]), 2
    )
    assert (order.tolist(), ranks.tolist()) == ([3, 2, 0], [1, 2, 1])


def test_chances_as_logarithms() -> None:
    scores = np.array([0.5, -0.2, 2.0])
    np.testing.assert_allclose(log_chance(scores, "chance"), np.log([0.5, 0.001, 2.0]))
    np.testing.assert_allclose(log_chance(scores, "log_chance"), scores)
    np.testing.assert_allclose(log_chance(scores, "clip"), scores)


@pytest.mark.parametrize("artists", [None, 3])
def test_the_search_is_what_brute_force_finds(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, artists: int | None
) -> None:
    monkeypatch.setattr("ymr_spark.models.second_stage.CANDIDATES", 8)
    random = np.random.default_rng(3)
    rows = dense_ratings(12, 30, 0.3, seed=2)
    heard = ratings(spark, [tuple(row) for row in rows.tolist()])
    plain = flat_model(0.0, 12, 30)
    ranker = replace(plain, name="r", song_offsets=random.normal(size=30), link="log_chance")
    then = SecondStage(
        replace(plain, song_offsets=random.normal(3, 1, 30)), None, "log_chance", 0.7
    )
    cap = None if artists is None else ArtistCap(np.arange(30) % artists, 2)
    found = topk.recommend(by_user(heard), ranker, 5, cap, then).cache()
    assert topk.violations(found, heard, ranker, 5, cap, then) == []
    assert found.where("rank = 1").count() == 12
    assert topk.violations(found, heard, ranker, 5, cap, replace(then, weight=0.6))
    assert {row["place"] for row in found.collect()} <= {*range(1, 9)}
