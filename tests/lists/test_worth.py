import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import ndcg_score

from ymr_spark.lists import worth

LISTS = ("user_id", "rank", "song_id")
LIKED = ("user_id", "song_id")


def table(names: tuple[str, ...], rows: Sequence[tuple[int, ...]]) -> pa.Table:
    columns = np.array(rows, np.int32).reshape(-1, len(names)).T
    return pa.Table.from_pydict(dict(zip(names, columns, strict=True)))


def test_by_hand() -> None:
    lists = [(7, 1, 50), (7, 2, 51), (7, 11, 62), (7, 21, 61), (3, 1, 50), (9, 1, 53)]
    liked = [(7, 51), (7, 60), (7, 61), (3, 70)]
    found = worth.worth(table(LISTS, lists), table(LIKED, liked))
    assert found.users.tolist() == [3, 7]
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    by_name = dict(zip(worth.NAMES, found.values.T.tolist(), strict=True))
    assert by_name["ndcg_100"] == pytest.approx([0, (1 / math.log2(3) + 1 / math.log2(22)) / ideal])
    assert by_name["ndcg_10"] == pytest.approx([0, 1 / math.log2(3) / ideal])
    assert by_name["recall_100"] == pytest.approx([0, 2 / 3])
    assert by_name["recall_20"] == pytest.approx([0, 1 / 3])


def test_ndcg_is_that_of_an_established_library() -> None:
    random = np.random.default_rng(3)
    users, songs = 20, 150
    scores = random.normal(size=(users, songs))
    truth = random.random((users, songs)) < 0.2
    truth[:, 0] = True
    ranks = np.argsort(np.argsort(-scores, axis=1), axis=1) + 1
    lists = [(u, int(ranks[u, s]), s) for u in range(users) for s in range(songs)]
    lists = [row for row in lists if row[1] <= worth.LENGTH]
    liked = [(int(u), int(s)) for u, s in np.argwhere(truth)]
    found = worth.worth(table(LISTS, lists), table(LIKED, liked)).values.mean(axis=0)
    expected = [ndcg_score(truth.astype(int), scores, k=k) for k in (100, 10)]
    expected += [np.mean((truth & (ranks <= k)).sum(axis=1) / truth.sum(axis=1)) for k in (100, 20)]
    np.testing.assert_allclose(found, expected)


def test_nobody_liked_anything() -> None:
    found = worth.worth(table(LISTS, [(1, 1, 2)]), table(LIKED, []))
    assert found.values.shape == (0, len(worth.NAMES))


def test_of_some_users() -> None:
    lists, liked = table(LISTS, [(1, 1, 5), (2, 1, 6)]), table(LIKED, [(1, 5), (2, 7), (4, 5)])
    found = worth.of_users(worth.worth(lists, liked), np.array([1, 4, 9]))
    assert found.users.tolist() == [1, 4]
    assert found.values[:, 0].tolist() == [1, 0]
