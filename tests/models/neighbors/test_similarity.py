from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from builders import dense_ratings, flat_model, of_table, ratings, table
from pyspark.sql import Row, SparkSession
from scipy.sparse import csr_matrix

from ymr_spark.models.arrays import Ints
from ymr_spark.models.linear import bias
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.neighbors import neighborhood, residuals, similarity
from ymr_spark.models.neighbors.neighborhood import SimilarityModel
from ymr_spark.packing import Packed, by_song, by_user

PLAIN: dict[str, Any] = {"shrinkage": 0.0, "min_overlap": 1, "neighbors": 99}


def base(
    spark: SparkSession, rows: list[tuple[int, int, int]], model: FactorModel, candidates: int = 99
) -> tuple[Packed, residuals.Residuals]:
    blocks = by_song(ratings(spark, rows))
    songs = residuals.most_rated(blocks, candidates)
    return blocks, residuals.of_songs(blocks, model, songs)


def neighbors(
    spark: SparkSession,
    rows: list[tuple[int, int, int]],
    model: FactorModel,
    candidates: int = 99,
    **arguments: Any,
) -> dict[int, dict[int, float]]:
    """Neighbours and similarities by song, in the order of the table."""
    blocks, others = base(spark, rows, model, candidates)
    found = similarity.fit(blocks, model, others, **PLAIN | arguments).collect()
    assert len({row.song_id for row in found}) == len(found)
    return {r.song_id: dict(zip(r.neighbor_ids, r.similarities, strict=True)) for r in found}


# Residuals against a mean of 3, users down, songs across; . is not rated.
#        0   1   2
#   0    2   1   .
#   1   -1  -1   2
#   2    1   .  -2
#   3    .   .   1
TINY = [
    *[(0, 0, 5), (0, 1, 4)],
    *[(1, 0, 2), (1, 1, 2), (1, 2, 5)],
    *[(2, 0, 4), (2, 2, 1)],
    (3, 2, 4),
]
MODEL = flat_model(3.0, 4, 3)
# Mean squares: song 0 (4+1+1)/3 = 2, song 1 (1+1)/2 = 1, song 2 (4+4+1)/3 = 3.
SIM_01, SIM_02, SIM_12 = 3 / 2 / 2**0.5, -4 / 2 / 6**0.5, -2 / 1 / 3**0.5


def test_similarities_by_hand(spark: SparkSession) -> None:
    found = neighbors(spark, TINY, MODEL)
    assert found[0] == pytest.approx({1: SIM_01, 2: SIM_02})
    assert found[1] == pytest.approx({0: SIM_01, 2: SIM_12})
    assert found[2] == pytest.approx({0: SIM_02, 1: SIM_12})
    assert [list(found[song]) for song in range(3)] == [[1, 2], [2, 0], [1, 0]]


def test_shrinkage_by_hand(spark: SparkSession) -> None:
    found = neighbors(spark, TINY, MODEL, shrinkage=2.0)
    assert found[0] == pytest.approx({1: SIM_01 * 2 / 4, 2: SIM_02 * 2 / 4})
    assert found[2] == pytest.approx({0: SIM_02 * 2 / 4, 1: SIM_12 * 1 / 3})


def test_pairs_of_too_few_users_are_none(spark: SparkSession) -> None:
    found = neighbors(spark, TINY, MODEL, min_overlap=2)
    assert {song: set(near) for song, near in found.items()} == {0: {1, 2}, 1: {0}, 2: {0}}
    nobody = neighbors(spark, TINY, MODEL, min_overlap=3)
    assert nobody == {0: {}, 1: {}, 2: {}}


def test_equal_similarities_in_order_of_song(spark: SparkSession) -> None:
    rows = [(user, song, 1 + 4 * (user % 2)) for user in range(4) for song in range(6)]
    model = flat_model(3.0, 4, 6)
    found = neighbors(spark, rows, model)
    assert [list(near) for near in found.values() if len(near) != 5] == []
    assert list(found[3]) == [0, 1, 2, 4, 5]
    few = neighbors(spark, rows, model, neighbors=2)
    assert {song: list(near) for song, near in few.items()} == {
        **{0: [1, 2], 1: [0, 2]},
        **{song: [0, 1] for song in range(2, 6)},
    }


@pytest.mark.parametrize("count", [1, 3, 8, 9])
def test_the_largest_in_order(count: int) -> None:
    values = np.random.default_rng(1).integers(-2, 3, (40, 8)).astype(np.float32)
    columns, found = similarity.top(values, count)
    order = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :count]
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_array_equal(found, np.take_along_axis(values, order, axis=1) != 0)


def test_candidates_are_the_songs_most_rated_of_equals_the_lowest_ids(spark: SparkSession) -> None:
    rows = [(u, s, 1 + u) for s, raters in ((7, 3), (2, 2), (5, 2), (9, 1)) for u in range(raters)]
    blocks = by_song(ratings(spark, rows).repartition(3, "song_id"))
    chosen = [residuals.most_rated(blocks, count).tolist() for count in (1, 2, 3, 9)]
    assert chosen == [[7], [2, 7], [2, 5, 7], [2, 5, 7, 9]]


def brute_force(
    rows: Ints, model: FactorModel, candidates: Ints, arguments: dict[str, Any]
) -> dict[int, dict[int, float]]:
    users, songs, stars = rows.T
    left = np.full((users.max() + 1, songs.max() + 1), np.nan)
    left[users, songs] = stars - model.score(users, songs)[0]
    rms = np.sqrt(np.nanmean(left**2, axis=0))
    found: dict[int, dict[int, float]] = {}
    for i in range(left.shape[1]):
        near = []
        for j in candidates.tolist():
            products = (left[:, i] * left[:, j])[~np.isnan(left[:, i] * left[:, j])]
            if i != j and len(products) >= arguments["min_overlap"]:
                shrunk = products.sum() / (len(products) + arguments["shrinkage"])
                near.append((-abs(shrunk / rms[i] / rms[j]), j, shrunk / rms[i] / rms[j]))
        found[i] = {j: value for _, j, value in sorted(near)[: arguments["neighbors"]]}
    return found


def test_equals_brute_force(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_SONGS_AT_ONCE", 7)
    rows = dense_ratings(60, 40, 0.3, seed=6)
    listed = [tuple(row) for row in rows.tolist()]
    model, _ = bias.fit(by_user(ratings(spark, listed)), 5.0, 5.0, 1e-9, 200)
    arguments = {"shrinkage": 4.0, "min_overlap": 5, "neighbors": 6}
    counts = np.bincount(rows[:, 1])
    candidates = np.sort(np.lexsort((np.arange(40), -counts))[:25])
    expected = brute_force(rows, model, candidates, arguments)
    found = neighbors(spark, listed, model, candidates=25, **arguments)
    for song in range(40):
        assert list(found[song]) == list(expected[song])
        assert found[song] == pytest.approx(expected[song], rel=1e-4)


def test_the_same_to_the_last_bit_however_rows_come(spark: SparkSession) -> None:
    listed = [tuple(row) for row in dense_ratings(60, 40, 0.3, seed=8).tolist()]
    model = flat_model(3.1, 60, 40)
    together = neighbors(spark, listed, model, neighbors=5)
    spark.conf.set("spark.sql.shuffle.partitions", "5")
    try:
        apart = neighbors(spark, listed[::-1], model, neighbors=5)
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", "2")
    assert apart == together


def test_planted_groups_are_recovered(spark: SparkSession) -> None:
    # Users love one group of songs and hate the other: 12 songs of 24 are of a song's group.
    random = np.random.default_rng(5)
    group, side = np.arange(24) % 2, random.integers(0, 2, 200)
    pairs = np.argwhere(random.random((200, 24)) < 0.5)
    loved = group[pairs[:, 1]] == side[pairs[:, 0]]
    stars = np.where(loved, random.integers(3, 6, len(pairs)), random.integers(1, 4, len(pairs)))
    rows = [(int(u), int(s), int(r)) for (u, s), r in zip(pairs, stars, strict=True)]
    found = neighbors(spark, rows, flat_model(3.0, 200, 24), shrinkage=5.0)
    for song, near in found.items():
        alike = {other for other, value in near.items() if value > 0}
        assert alike == set(np.flatnonzero(group == group[song]).tolist()) - {song}


def predicted(
    spark: SparkSession, asked: list[tuple[int, int]], damping: float, model: FactorModel = MODEL
) -> list[Row]:
    blocks, others = base(spark, TINY, model)
    near = similarity.fit(blocks, model, others, 0.0, 2, 99)
    rows = table(spark, "ratings", [(user, song, 1, "test", 0) for user, song in asked])
    fitted = of_table(SimilarityModel(replace(model, name="similarity")))
    fitted.neighbors, fitted.residuals, fitted.damping = near, others, damping
    frame = fitted.transform(rows)
    assert frame.columns == [*rows.columns, "prediction", "fallback"]
    return frame.orderBy("user_id", "song_id").collect()


def test_predictions_by_hand(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two groups of songs, each with the lists of its own.
    monkeypatch.setattr(neighborhood, "_SONGS_AT_ONCE", 2)
    # Neighbours by two common users: 0 of 1 and 2, 1 and 2 of 0.
    rows = predicted(spark, [(0, 2), (1, 0), (2, 1)], damping=0.0)
    lean = (-1 * SIM_01 + 2 * SIM_02) / (SIM_01 - SIM_02)
    # 3 - 2 · .82/.82; both neighbours; 3 + 1 · 1.06/1.06
    assert [row.prediction for row in rows] == pytest.approx([1.0, 3 + lean, 4.0], abs=1e-6)
    assert {(row.split, row.rating, row.fallback) for row in rows} == {("test", 1.0, False)}


def test_damping_draws_towards_the_bias_model(spark: SparkSession) -> None:
    rows = predicted(spark, [(2, 1)], damping=0.5)
    assert rows[0].prediction == pytest.approx(3 + SIM_01 / (SIM_01 + 0.5))


def test_rows_without_a_rated_neighbour_fall_back(spark: SparkSession) -> None:
    # User 3 rated song 2 only, no neighbour of song 1; user 8 and song 77 are new.
    model = replace(MODEL, user_offsets=np.array([0, 0, 0, 0.25]))
    asked = [(1, 1), (3, 1), (3, 77), (8, 0)]
    rows = predicted(spark, asked, damping=0.0, model=model)
    assert [(row.user_id, row.song_id, row.fallback) for row in rows] == [
        (1, 1, False),
        (3, 1, True),
        (3, 77, True),
        (8, 0, True),
    ]
    assert [row.prediction for row in rows[1:]] == [3.25, 3.25, 3.0]


def test_predictions_stay_on_the_scale_whatever_the_neighbours_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighborhood, "_ROWS_AT_ONCE", 2)
    # Song 0 is like song 1 and unlike song 2; each user has rated both alike.
    near = pa.table(
        {
            "song_id": pa.array([0], pa.int32()),
            "neighbor_ids": pa.array([[1, 2]], pa.list_(pa.int32())),
            "similarities": pa.array([[0.5, -0.25]], pa.list_(pa.float32())),
        }
    )
    left = csr_matrix(np.array([[0, 4, 1], [0, -4, 0], [0, 0, 2], [0, 0, 0]], np.float32))
    rated = residuals.Residuals(np.arange(4), np.arange(3), left)
    users, songs = np.array([0, 1, 2, 3, 1]), np.array([0, 0, 0, 0, 2])
    found, fallback = neighborhood.stars(users, songs, near, rated, flat_model(3.0, 4, 3), 0.0)
    # 3 + (2 - 0.25) / 0.75; 3 - 4; 3 - 2; nothing rated; no list of song 2.
    np.testing.assert_allclose(found, [5.0, 1.0, 1.0, 3.0, 3.0])
    assert fallback.tolist() == [False, False, False, True, True]
    damped, _ = neighborhood.stars(users, songs, near, rated, flat_model(3.0, 4, 3), 1.0)
    np.testing.assert_allclose(damped, [4.0, 3 - 2 / 1.5, 3 - 0.5 / 1.25, 3.0, 3.0])
