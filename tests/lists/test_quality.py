import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from builders import flat_model, ratings
from pyspark.sql import SparkSession
from sklearn.metrics import ndcg_score

from ymr_spark.lists import quality
from ymr_spark.lists.quality import ListQuality
from ymr_spark.scale import Scale

LISTS = ("user_id", "rank", "song_id")
LIKED = ("user_id", "song_id")


def table(names: tuple[str, ...], rows: Sequence[tuple[int, ...]]) -> pa.Table:
    columns = np.array(rows, np.int32).reshape(-1, len(names)).T
    return pa.Table.from_pydict(dict(zip(names, columns, strict=True)))


def test_by_hand() -> None:
    lists = [(7, 1, 50), (7, 2, 51), (3, 1, 50), (3, 2, 52), (9, 1, 53)]
    liked = [(7, 51), (7, 60), (7, 61), (3, 70)]
    found = quality.quality("m", table(LISTS, lists), table(LIKED, liked), 2, 8)
    assert found.users == 2
    assert found.recall == pytest.approx((1 / 3 + 0) / 2)
    assert found.ndcg == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)) / 2)
    assert found.coverage == 4 / 8


def test_ndcg_is_that_of_an_established_library() -> None:
    random = np.random.default_rng(3)
    users, songs, k = 20, 40, 10
    scores = random.normal(size=(users, songs))
    truth = random.random((users, songs)) < 0.2
    truth[:, 0] = True
    ranks = np.argsort(np.argsort(-scores, axis=1), axis=1) + 1
    lists = [(u, int(ranks[u, s]), s) for u in range(users) for s in range(songs)]
    lists = [row for row in lists if row[1] <= k]
    liked = [(int(u), int(s)) for u, s in np.argwhere(truth)]
    found = quality.quality("m", table(LISTS, lists), table(LIKED, liked), k, songs)
    assert found.ndcg == pytest.approx(ndcg_score(truth.astype(int), scores, k=k))
    expected = np.mean((truth & (ranks <= k)).sum(axis=1) / truth.sum(axis=1))
    assert found.recall == pytest.approx(expected)


def test_lists_may_be_shorter_than_they_were_asked_for() -> None:
    lists, liked = table(LISTS, [(7, 1, 50), (7, 2, 51)]), table(LIKED, [(7, 51), (7, 9), (7, 8)])
    found, same = (quality.quality("m", lists, liked, k, 8) for k in (10**12, 8))
    assert (found.recall, found.ndcg) == (same.recall, same.ndcg)


def test_nobody_liked_anything() -> None:
    found = quality.quality("m", table(LISTS, [(1, 1, 2)]), table(LIKED, []), 5, 2)
    assert found == ListQuality(model="m", k=5, users=0, recall=None, ndcg=None, coverage=0.5)


def test_models_are_judged_by_songs_liked_in_test_of_those_not_heard(spark: SparkSession) -> None:
    # Everybody's order is 0, 1, 2, ...; user 1 has heard 0 in train and 1 in validation.
    rows = ratings(spark, [(1, 0, 5), (2, 1, 1), (3, 9, 3)])
    rows = rows.union(ratings(spark, [(1, 1, 5)], "validation"))
    # Of user 1's list 2, 3 the song 3 is liked, 2 is not; user 2 likes 0; 3 likes nothing.
    rows = rows.union(ratings(spark, [(1, 2, 3), (1, 3, 4), (2, 0, 5), (3, 0, 1)], "test"))
    order = replace(flat_model(3.0, 4, 10), name="order", song_offsets=-np.arange(10.0))
    back = replace(order, name="back", song_offsets=np.arange(10.0))
    first, last = quality.of_models(rows, [order, back], k=2, users=99, seed=1)
    assert (first.model, first.k, first.users) == ("order", 2, 2)
    assert first.recall == 1
    assert first.ndcg == pytest.approx((1 / math.log2(3) + 1) / 2)
    # 2 and 3; 0 and 2; 0 and 1.
    assert first.coverage == 0.4
    assert (last.model, last.recall, last.ndcg) == ("back", 0, 0)


@pytest.mark.parametrize(("rating", "users"), [(3.5, 0), (4, 1)])
def test_the_liked_of_half_stars(spark: SparkSession, rating: float, users: int) -> None:
    halves = Scale(0.5, 5, 0.5)
    rows = ratings(spark, [(1, 0, 5), (1, 1, 0.5)], scale=halves)
    rows = rows.union(ratings(spark, [(1, 2, rating)], "test", halves))
    (found,) = quality.of_models(rows, [flat_model(3.0, 2, 4)], k=2, users=9, seed=1)
    assert found.users == users


def test_coverage_is_of_the_songs_that_a_model_knows(spark: SparkSession) -> None:
    rows = ratings(spark, [(1, 0, 5), (2, 1, 4)]).union(ratings(spark, [(1, 1, 5)], "test"))
    model = flat_model(3.0, users=3, songs=8)  # two of its songs have train ratings
    (found,) = quality.of_models(rows, [model], k=6, users=5, seed=1)
    assert (found.users, found.recall, found.coverage) == (1, 1, 6 / 8)
