from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders import dense_ratings, flat_model, ratings, table
from pyspark.sql import DataFrame, SparkSession

from ymr_spark.models import topk
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.ranking import Ranking
from ymr_spark.models.ranker import ArtistCap
from ymr_spark.packing import Block, by_user
from ymr_spark.sources.r2.scale import R2

USERS, SONGS, K = 60, 200, 20


def model(rank: int) -> FactorModel:
    random = np.random.default_rng(4)
    return FactorModel(
        "m",
        3.0,
        np.arange(0, 2 * USERS, 2, dtype=np.int32),
        random.normal(size=USERS),
        random.normal(size=(USERS, rank)).astype(np.float32),
        np.arange(5, SONGS + 5, dtype=np.int32),
        random.integers(0, 4, SONGS) / 4.0,
        random.normal(size=(SONGS, rank)).astype(np.float32),
        R2,
    )


@pytest.fixture(scope="module")
def heard(spark: SparkSession) -> DataFrame:
    rows = dense_ratings(2 * USERS, SONGS, 0.3, seed=9)
    everything = [(0, song, 5) for song in range(SONGS - 3, -1, -1)]
    listened = [tuple(r) for r in rows.tolist() if r[0] % 2 == 0 and r[0] > 0]
    return ratings(spark, [*listened, *everything]).cache()


# All songs but a few are of three artists: most lists need songs from far down.
CAPPED = ArtistCap(np.r_[np.arange(SONGS - 15) % 3, np.arange(15) + 3], 2)


@pytest.mark.parametrize("cap", [None, CAPPED], ids=["", "capped"])
@pytest.mark.parametrize("rank", [0, 8])
def test_equals_brute_force(heard: DataFrame, rank: int, cap: ArtistCap | None) -> None:
    # At rank 0 only four different scores exist: songs of equal score are in order of id.
    found = topk.recommend(by_user(heard), model(rank), K, cap).collect()
    for user in range(0, 2 * USERS, 2):
        mine = sorted(row for row in found if row.user_id == user)
        songs = [r.song_id for r in heard.where(f"user_id = {user}").collect()]
        expected, scores = topk.brute_force(model(rank), user, np.array(songs), K, cap)
        assert [row.song_id for row in mine] == expected.tolist()
        assert [row.rank for row in mine] == list(range(1, len(expected) + 1))
        np.testing.assert_allclose([row.score for row in mine], scores, atol=1e-5)


def test_users_of_a_slice_of_a_block_have_their_own_songs_left_out() -> None:
    # User 4 is not in the model: no user's taste is theirs.
    tiny = replace(
        flat_model(3.0, 3, 4),
        user_factors=np.array([[9], [1], [-1]], np.float32),
        song_offsets=np.array([0.4, 0.3, 0.2, 0.1]),
        song_factors=np.array([[0], [1], [2], [3]], np.float32),
    )
    counts, songs = np.array([1, 2, 1, 1], np.int32), np.array([0, 3, 0, 1, 2], np.int32)
    block = Block(np.array([0, 1, 2, 4], np.int32), counts, songs, np.ones(5))
    found = Ranking(tiny, None, 2).of(block, slice(1, 4)).to_pylist()
    lists = [(row["user_id"], row["rank"], row["song_id"]) for row in found]
    assert lists == [(1, 1, 2), (1, 2, 1), (2, 1, 0), (2, 2, 2), (4, 1, 0), (4, 2, 1)]


def test_a_user_who_has_heard_nearly_all_gets_what_is_left(heard: DataFrame) -> None:
    found = topk.recommend(by_user(heard), model(4), K).where("user_id = 0")
    left = set(range(SONGS - 2, SONGS + 5)) & set(range(5, SONGS + 5))
    assert {row.song_id for row in found.collect()} == left


def test_brute_force_by_hand() -> None:
    tiny = FactorModel(
        "tiny",
        1.0,
        np.array([3]),
        np.array([0.5]),
        np.array([[1.0]], np.float32),
        np.array([1, 2, 3, 4]),
        np.array([0.0, 1.0, 1.0, 9.0]),
        np.array([[2.0], [0.0], [0.0], [0.0]], np.float32),
        R2,
    )
    songs, scores = topk.brute_force(tiny, 3, np.array([4]), 3)
    assert songs.tolist() == [1, 2, 3]
    np.testing.assert_allclose(scores, [3.5, 2.5, 2.5])


def test_at_most_so_many_songs_of_an_artist(heard: DataFrame) -> None:
    found = topk.recommend(by_user(heard), model(8), K, CAPPED).where("user_id = 2").collect()
    artists = CAPPED.artist_ids[[row.song_id - 5 for row in found]]
    assert np.bincount(artists)[:3].max() == 2
    assert len(found) > 3 * 2


def test_brute_force_passes_over_an_artist_who_has_enough() -> None:
    songs = np.array([1, 2, 3, 4]), np.array([4.0, 3.0, 2.0, 1.0])
    tiny = FactorModel.of_offsets("tiny", 0.0, (np.array([1]), np.zeros(1)), songs, R2)
    cap = ArtistCap(np.array([7, 7, 7, 8]), 2)
    assert topk.brute_force(tiny, 1, np.array([1]), 4, cap)[0].tolist() == [2, 3, 4]
    assert topk.brute_force(tiny, 1, np.array([], int), 4, cap)[0].tolist() == [1, 2, 4]


def test_strangers_all_get_the_same(spark: SparkSession) -> None:
    found = topk.for_strangers(spark, [901, 903], model(0), 3).orderBy("user_id", "rank").collect()
    expected, scores = topk.brute_force(model(0), -1, np.array([], int), 3)
    assert [(r.user_id, r.rank) for r in found] == [(u, r) for u in (901, 903) for r in (1, 2, 3)]
    assert [r.song_id for r in found] == expected.tolist() * 2
    np.testing.assert_allclose([r.score for r in found], [*scores, *scores])


def test_one_task_and_many_find_the_same(spark: SparkSession, heard: DataFrame) -> None:
    blocks = [by_user(heard.repartition(n, "user_id")) for n in (1, 7)]
    one, many = (sorted(topk.recommend(b, model(8), K).collect()) for b in blocks)
    assert one == many


def test_violations_are_found(spark: SparkSession, heard: DataFrame) -> None:
    chosen = heard.where("user_id IN (2, 4)")
    good = topk.recommend(by_user(heard), model(8), K).where("user_id IN (2, 4)")
    rows = [tuple(r) for r in good.collect()]
    song = chosen.where("user_id = 2").head(1)[0].song_id

    def judged(changed: list[tuple[Any, ...]]) -> str:
        columns = [(u, r, s, score, "", "m", "") for u, r, s, score in changed]
        frame = table(spark, "recommendations", columns)
        return "; ".join(topk.violations(frame, chosen, model(8), K))

    of_two = next(i for i, row in enumerate(rows) if row[:2] == (2, K))
    user, rank, kept, score = rows[of_two]
    assert judged(rows) == ""
    assert "a song that the user has rated" in judged(
        [*rows[:of_two], (user, rank, song, score), *rows[of_two + 1 :]]
    )
    assert "19 songs, 20 expected" in judged(rows[:of_two] + rows[of_two + 1 :])
    assert "scores differ" in judged(
        [*rows[:of_two], (user, rank, kept, score - 0.1), *rows[of_two + 1 :]]
    )
    listed = {row[2] for row in rows if row[0] == user}
    heard_songs = {row.song_id for row in chosen.where("user_id = 2").collect()}
    other = min(set(range(5, SONGS + 5)) - listed - heard_songs)
    assert "songs differ from brute force" in judged(
        [*rows[:of_two], (user, rank, other, score), *rows[of_two + 1 :]]
    )
