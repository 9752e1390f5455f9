import math

import numpy as np
import pyarrow as pa
import pytest
from builders import CATALOGUE

from ymr_spark.evaluation import list_quality, slicing
from ymr_spark.evaluation.list_quality import Judged
from ymr_spark.lists import worth
from ymr_spark.lists.worth import Worth


def judged(name: str, values: list[float], lists: pa.Table | None = None) -> Judged:
    """NDCG@100 by user."""
    columns = np.tile(np.array(values)[:, None], (1, len(worth.NAMES)))
    none = pa.table({n: pa.array([], pa.int32()) for n in ("user_id", "rank", "song_id")})
    of_users = Worth(np.arange(len(values)), columns)
    return Judged(name, "test", of_users, none if lists is None else lists, 8)


def test_means_and_their_interval() -> None:
    values = [0.0, 1.0] * 50
    found = list_quality.means(judged("m", values).worth)
    error = np.std(values, ddof=1) / 10
    assert (found.users, found.ndcg_100, found.recall_20) == (100, 0.5, 0.5)
    assert found.ndcg_100_low == pytest.approx(0.5 - 1.96 * error)
    assert found.ndcg_100_high == pytest.approx(0.5 + 1.96 * error)
    few = list_quality.means(judged("m", values[:8]).worth)
    assert (few.ndcg_100, few.ndcg_100_low, few.ndcg_100_high) == (0.5, None, None)
    nobody = list_quality.means(judged("m", []).worth)
    assert (nobody.users, nobody.ndcg_100, nobody.recall_100) == (0, None, None)


def test_coverage_novelty_and_what_lists_share() -> None:
    users, songs = [1, 1, 2, 2], [10, 30, 30, 99]
    lists = pa.table({"user_id": users, "rank": [1, 2, 1, 2], "song_id": songs})
    found = list_quality.quality(judged("m", [0.5], lists), CATALOGUE, raters=1999)
    assert found.coverage == 3 / 8
    # Of 2,000 users with one more: 2 have rated song 10, 101 song 30, 1 song 99.
    shares = np.array([2, 101, 101, 1]) / 2000
    assert found.novelty == pytest.approx(np.mean(-np.log2(shares)))
    assert found.shared == pytest.approx(0.5)
    assert (found.model, found.split, found.ndcg_100) == ("m", "test", 0.5)


def test_groups_are_told_apart_by_the_differences_of_the_same_users() -> None:
    random = np.random.default_rng(1)
    easy = random.random(200)  # users differ much more than models
    models = [easy, easy - 0.001, easy - 0.02 * random.random(200)]
    found = [judged(str(i), values.tolist()) for i, values in enumerate(models)]
    assert list_quality.groups(found) == [1, 2, 3]
    noisy = judged("noisy", (easy - 0.001 + random.normal(0, 0.1, 200)).tolist())
    assert list_quality.groups([found[0], noisy]) == [1, 1]
    few = [judged(str(i), values[:9].tolist()) for i, values in enumerate(models)]
    assert list_quality.groups(few) == [1, 1, 1]
    # Forty users alone make the difference, and they are too few to tell.
    rare = np.where(np.arange(200) < 40, easy - 0.5, easy)
    assert list_quality.groups([found[0], judged("rare", rare.tolist())]) == [1, 1]
    assert list_quality.groups([]) == []


def test_by_activity() -> None:
    activity = slicing.by_count("activity", np.array([0, 1, 2]), np.array([5, 5, 40]))
    found = list_quality.by_activity(judged("m", [0.2, 0.4, 0.9]), activity)
    assert [(row.label, row.users, row.ndcg_100) for row in found] == [
        ("1–9", 2, pytest.approx(0.3)),
        ("30–99", 1, 0.9),
    ]
    assert {row.slice for row in found} == {"activity"}


def test_of_songs_that_nobody_has_rated() -> None:
    lists = pa.table({"user_id": [1, 1, 2], "rank": [1, 2, 1], "song_id": [10, 50, 10]})
    liked = pa.table({"user_id": [1, 1, 2, 3], "song_id": [10, 50, 10, 60]})
    (found,) = list_quality.of_cold_songs(judged("m", [], lists), liked, CATALOGUE)
    assert (found.slice, found.label, found.users) == ("popularity", "0", 2)
    assert found.ndcg_100 == pytest.approx(1 / math.log2(3) / 2)
    assert found.recall_100 == 0.5
    warm = liked.filter(pa.array([True, False, True, False]))
    assert list_quality.of_cold_songs(judged("m", [], lists), warm, CATALOGUE) == []


def test_the_way_to_the_oracle() -> None:
    assert list_quality.way(0.3, 0.2, 0.6) == pytest.approx(0.25)
    assert list_quality.way(0.3, 0.2, 0.2) is None
    assert list_quality.way(None, 0.2, 0.6) is None
