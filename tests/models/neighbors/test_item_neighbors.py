import numpy as np
import pytest
from builders import dense_ratings, ratings
from pyspark.sql import SparkSession
from scipy.sparse import csr_matrix

from ymr_spark.models.neighbors import item_neighbors, item_weights
from ymr_spark.models.neighbors.item_weights import ItemSearch, ItemWeights
from ymr_spark.models.neighbors.residuals import ones_of_songs
from ymr_spark.models.ranker import ArtistCap
from ymr_spark.packing import Block, by_song
from ymr_spark.sources.r2.scale import R2


def test_two_songs_by_hand() -> None:
    # Three users have rated the first, two of them the second, with a ridge of 1:
    # X'X + I = [[4, 2], [2, 3]], the inverse [[3, -2], [-2, 4]] / 8.
    rated = csr_matrix(np.array([[1, 1], [1, 1], [1, 0]], np.float32))
    np.testing.assert_allclose(item_neighbors.together(rated), [[3, 2], [0, 2]])
    weights = item_neighbors.fit(rated, ridge=1.0)
    np.testing.assert_allclose(weights, [[0, 0.5], [2 / 3, 0]], rtol=1e-6)


def test_each_song_is_a_ridge_regression_on_all_others() -> None:
    random = np.random.default_rng(5)
    dense = (random.random((3_000, 12)) < random.uniform(0.1, 0.6, 12)).astype(np.float64)
    weights = item_neighbors.fit(csr_matrix(dense.astype(np.float32)), ridge=20.0)
    for song in range(12):
        others = np.delete(np.arange(12), song)
        squares = dense[:, others].T @ dense[:, others] + 20 * np.eye(11)
        expected = np.linalg.solve(squares, dense[:, others].T @ dense[:, song])
        np.testing.assert_allclose(weights[others, song], expected, atol=1e-5)
        assert weights[song, song] == 0


def test_songs_rated_together_are_found(spark: SparkSession) -> None:
    """Users of one half of the songs and users of the other."""
    random = np.random.default_rng(2)
    pairs = [
        (u, s) for u in range(60) for s in range(20) if s % 2 == u % 2 and random.random() < 0.6
    ]
    frame = ratings(spark, [(u, s, 3) for u, s in pairs])
    rated = ones_of_songs(by_song(frame), np.arange(20))
    assert rated.nnz == len(pairs)
    weights = item_neighbors.fit(rated, ridge=5.0)
    alike = np.add.outer(np.arange(20), np.arange(20)) % 2 == 0
    np.fill_diagonal(alike, val=False)
    assert weights[alike].mean() > 0.03
    assert abs(weights[~alike].mean()) < 0.01


def test_ones_are_of_the_songs_asked_for(spark: SparkSession) -> None:
    rows = dense_ratings(9, 15, 0.4, seed=3)
    songs = np.array([2, 3, 11])
    found = ones_of_songs(by_song(ratings(spark, [tuple(r) for r in rows.tolist()])), songs)
    dense = np.zeros((9, 15))
    dense[rows[:, 0], rows[:, 1]] = 1
    expected = dense[dense[:, songs].any(axis=1)][:, songs]
    np.testing.assert_array_equal(found.toarray(), expected)


WEIGHTS = np.array([[0, 0.5, 0.1], [0.2, 0, -0.3], [0.4, 0.6, 0]], np.float32)
IDS = np.array([3, 5, 9], np.int32)
MODEL = ItemWeights("item_neighbors", IDS, IDS, WEIGHTS, np.zeros(3), R2)


def test_scores_by_hand() -> None:
    np.testing.assert_allclose(MODEL.scores_of(1, np.array([9, 3])), [0.4, 1.1, 0.1], rtol=1e-6)
    np.testing.assert_allclose(MODEL.scores_of(1, np.array([4])), [0, 0, 0])
    rated_by, rated = np.array([1, 1, 2, 4]), np.array([9, 3, 5, 7])
    users, songs = np.array([1, 2, 2, 4, 6]), np.array([5, 3, 4, 3, 3])
    scores, known = item_weights.scores(MODEL, users, songs, rated_by, rated)
    np.testing.assert_allclose(scores, [1.1, 0.2, 0, 0, 0], rtol=1e-6)
    assert known.tolist() == [True, True, False, False, False]


def test_tables_and_files_and_back() -> None:
    again = ItemWeights.of_tables("item_neighbors", 0.0, R2, "chance", MODEL.tables())
    for found in (again, ItemWeights.of_npz(MODEL.as_npz())):
        np.testing.assert_array_equal(found.weights, WEIGHTS)
        np.testing.assert_array_equal(found.song_ids, IDS)
        assert (found.name, found.scale) == ("item_neighbors", R2)


def test_restricted_to_some_songs_all_inputs_count() -> None:
    few = MODEL.restricted(np.array([True, False, True]), np.array([0.0, 0.05]))
    assert few.song_ids.tolist() == [3, 9]
    np.testing.assert_allclose(few.scores_of(1, np.array([5])), [0.2, -0.35], rtol=1e-6)
    assert MODEL.tells_songs_apart
    assert MODEL.is_finite


@pytest.mark.parametrize("cap", [None, ArtistCap(np.arange(40) % 5, 2)], ids=["", "capped"])
def test_the_search_is_that_of_all_scores(cap: ArtistCap | None) -> None:
    random = np.random.default_rng(8)
    ids = np.arange(0, 80, 2, dtype=np.int32)
    # A few different weights, so that many scores are equal.
    weights = random.integers(-2, 3, (40, 40)).astype(np.float32)
    model = ItemWeights("m", ids, ids, weights, np.zeros(40), R2)
    lists = [np.sort(random.choice(80, 12, replace=False)) for _ in range(7)]
    counts = np.array([len(songs) for songs in lists], np.int32)
    heard = np.concatenate(lists).astype(np.int32)
    block = Block(np.arange(7, dtype=np.int32), counts, heard, np.ones(len(heard)))
    found = ItemSearch(model, cap, 6).of(block, slice(2, 7)).to_pylist()
    for user in range(2, 7):
        mine = [row for row in found if row["user_id"] == user]
        scores = model.scores_of(user, lists[user])
        order = [i for i in np.lexsort((ids, -scores)) if ids[i] not in lists[user]]
        if cap is not None:
            seen = [
                [cap.artist_ids[j] for j in order[:n]].count(cap.artist_ids[i])
                for n, i in enumerate(order)
            ]
            order = [i for i, before in zip(order, seen, strict=True) if before < 2]
        assert [row["song_id"] for row in mine] == ids[order[:6]].tolist()
        assert [row["rank"] for row in mine] == [1, 2, 3, 4, 5, 6]
