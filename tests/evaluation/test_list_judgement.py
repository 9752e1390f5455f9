"""Lists made by models that were loaded, as the job judges them."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from builders import flat_model, ratings
from pyspark.sql import SparkSession

from ymr_spark.evaluation import list_judgement, list_weights, slicing
from ymr_spark.evaluation.list_judgement import Fits
from ymr_spark.evaluation.list_weights import WEIGHTS
from ymr_spark.lists import worth
from ymr_spark.lists.catalogue import Catalogue
from ymr_spark.lists.listeners import Listeners
from ymr_spark.models.second_stage import SecondStage, ordered
from ymr_spark.packing import by_user
from ymr_spark.scale import Scale

SONGS = np.arange(10)
NOBODY = slicing.by_count("activity", np.array([1, 2, 3]), np.array([1, 1, 1]))
ORDER = replace(flat_model(3.0, 4, 10), name="order", song_offsets=-SONGS / 10.0, link="log_chance")
BACK = replace(ORDER, name="back", song_offsets=SONGS / 10.0)
ZEROS = np.zeros(10, int)
CATALOGUE = Catalogue(SONGS, ZEROS, ZEROS, ZEROS + 1, ZEROS + 3.0)


def listeners(spark: SparkSession, users: int = 99) -> Listeners:
    # User 1 has heard 0 in train and 1 in validation.
    rows = ratings(spark, [(1, 0, 5), (2, 1, 1), (3, 9, 3)])
    rows = rows.union(ratings(spark, [(1, 1, 5)], "validation"))
    # Of user 1's list 2, 3, ... the song 3 is liked, 2 is not; user 2 likes 0; 3 likes nothing.
    rows = rows.union(ratings(spark, [(1, 2, 3), (1, 3, 4), (2, 0, 5), (3, 0, 1)], "test"))
    return Listeners.of(by_user(rows), "test", ["train", "validation"], users=users, seed=1)


def test_lists_are_of_what_was_not_heard(spark: SparkSession) -> None:
    found = listeners(spark)
    lists = found.lists([ORDER, BACK], 2)
    assert {*lists} == {"order", "back"}
    songs = {
        user: [row["song_id"] for row in lists["order"].to_pylist() if row["user_id"] == user]
        for user in (1, 2, 3)
    }
    assert songs == {1: [2, 3], 2: [0, 2], 3: [0, 1]}
    liked = {(row["user_id"], row["song_id"]) for row in found.liked.to_pylist()}
    assert liked == {(1, 3), (2, 0)}
    assert listeners(spark, users=1).lists([ORDER], 2)["order"].num_rows == 2


@pytest.mark.parametrize(("rating", "users"), [(3.5, 0), (4, 1)])
def test_the_liked_of_half_stars(spark: SparkSession, rating: float, users: int) -> None:
    halves = Scale(0.5, 5, 0.5)
    rows = ratings(spark, [(1, 0, 5), (1, 1, 0.5)], scale=halves)
    rows = rows.union(ratings(spark, [(1, 2, rating)], "test", halves))
    found = Listeners.of(by_user(rows), "test", ["train"], users=9, seed=1)
    assert found.liked.num_rows == users


def test_weights_are_judged_by_the_order_that_the_second_stage_gives() -> None:
    """Few values, so that many are equal and the lowest song decides."""
    random = np.random.default_rng(4)
    users, songs = np.divmod(np.arange(40 * 30), 30)
    scores, stars = random.integers(0, 3, (2, len(users))) / 2.0
    names = ("user_id", "song_id", "score", "stars")
    candidates = pa.RecordBatch.from_pydict(
        dict(zip(names, (users, songs, scores, stars), strict=True))
    )
    liked = pa.Table.from_pydict({"user_id": np.arange(40), "song_id": random.integers(0, 30, 40)})
    hits = pa.Table.from_batches([list_weights.ranks(candidates, liked)])
    for weight, found in zip(WEIGHTS, list_weights.ndcg(hits, liked), strict=True):
        order, ranks = ordered(users, songs, scores + weight * stars, worth.LENGTH)
        lists = pa.Table.from_pydict(
            {"user_id": users[order], "rank": ranks, "song_id": songs[order]}
        )
        assert found == pytest.approx(worth.worth(lists, liked).values[:, 0].mean())


def test_each_model_and_what_is_recommended(spark: SparkSession) -> None:
    oracle = pa.table({"user_id": [1, 2], "rank": [1, 1], "song_id": [3, 0]})
    popular = replace(BACK, name="most_popular")
    fits = Fits(
        listeners(spark), {"order": ORDER, "most_popular": popular}, None, CATALOGUE, oracle
    )
    found = list_judgement.judge({"test": fits}, NOBODY, raters=3)
    rows = {row.model: row for row in found.quality}
    assert {*rows} == {"order", "most_popular", "recommend"}
    expected = (1 / math.log2(3) + 1) / 2
    assert rows["order"].ndcg_100 == pytest.approx(expected)
    assert rows["recommend"].ndcg_100 == rows["order"].ndcg_100
    assert found.weights == []
    assert found.oracle is not None
    assert found.oracle.ndcg_100 == 1
    start = rows["most_popular"].ndcg_100
    assert start is not None
    assert found.ways["order"] == pytest.approx((expected - start) / (1 - start))
    assert found.ways["most_popular"] == 0
    assert {*found.groups.values()} == {1}
    assert {(s.model, s.label, s.users) for s in found.slices} >= {("order", "1–9", 2)}


def test_the_weight_of_stars_is_that_of_the_best_validation_lists(spark: SparkSession) -> None:
    """Everybody listens to low ids first, and likes one of the higher ones, to which a model of
    stars gives three more."""
    users = range(60)
    rows = ratings(spark, [(u, 0, 5) for u in users])
    rows = rows.union(ratings(spark, [(u, 6 + u % 2, 5) for u in users], "validation"))
    asked = Listeners.of(by_user(rows), "validation", ["train"], users=99, seed=1)
    stars = replace(flat_model(1.0, 60, 10), song_offsets=np.where(SONGS >= 6, 3.0, 0.0))
    everybody = flat_model(0.0, 60, 10)
    order = replace(everybody, name="order", song_offsets=-0.45 * SONGS, link="log_chance")
    chosen = list_weights.chosen(asked, order, SecondStage(stars, None, "log_chance", 0.0))
    # Song 6 is 2.25 behind song 1, song 7 is 2.7: three stars make up for that at a weight of 1.
    assert chosen.weight == 1.0
    assert (chosen.model, chosen.rating_model) == ("order", "bias")
    assert chosen.ndcg_100 == pytest.approx((1 + 1 / math.log2(3)) / 2)
    assert len(chosen.by_weight) == len(list_weights.WEIGHTS)
    assert chosen.by_weight[0] < chosen.ndcg_100
    # What is recommended is in that order.
    fits = Fits(asked, {"order": order}, SecondStage(stars, None, "clip", 0.0), CATALOGUE)
    found = list_judgement.judge({"validation": fits}, NOBODY, raters=60)
    assert {row.model: row.ndcg_100 for row in found.quality}["recommend"] == chosen.ndcg_100
    assert found.weights == [chosen]
