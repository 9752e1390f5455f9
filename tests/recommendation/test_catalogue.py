import numpy as np
import pytest
from builders import ratings, table
from pyspark.sql import SparkSession

from ymr_spark.errors import SettingsError
from ymr_spark.models.factors import FactorModel
from ymr_spark.recommendation import catalogue
from ymr_spark.statistics import scans

PARENTS = {0: 0, 1: 1, 11: 1, 111: 11, 2: 2}
SONGS = catalogue.Catalogue(
    song_ids=np.array([10, 20, 30, 40]),
    artist_ids=np.array([1, 1, 2, 3]),
    genre_ids=np.array([0, 111, 2, 1]),
    ratings=np.array([1, 10, 100, 1000]),
    stars=np.array([5, 40, 300, 2000]),
)


def test_read(spark: SparkSession) -> None:
    rows = ratings(spark, [(1, 30, 5), (2, 30, 2), (1, 10, 4)])
    rows = rows.union(ratings(spark, [(1, 20, 5), (3, 30, 5)], "test"))
    counts = scans.by_song(rows, scans.by_user(rows)).toArrow()
    songs = table(spark, "songs", [(10, 0, 6, 0), (20, 0, 7, 0), (30, 1, 8, 2)]).toArrow()
    found = catalogue.read(counts, songs)
    assert found.song_ids.tolist() == [10, 30]
    assert found.artist_ids.tolist() == [6, 8]
    assert found.genre_ids.tolist() == [0, 2]
    assert found.ratings.tolist() == [1, 2]
    assert found.stars.tolist() == [4, 7]


def test_a_genre_means_all_below_it() -> None:
    assert catalogue.below([1], PARENTS) == {1, 11, 111}
    assert catalogue.below([11, 0], PARENTS) == {11, 111, 0}
    assert catalogue.below([], PARENTS) == set()


def test_an_unknown_genre_is_named() -> None:
    with pytest.raises(SettingsError, match="genre 77 is not in"):
        catalogue.below([1, 77], PARENTS)


@pytest.mark.parametrize(
    ("least", "included", "excluded", "expected"),
    [
        (0, None, set(), [10, 20, 30, 40]),
        (10, None, set(), [20, 30, 40]),
        (0, {1, 11, 111}, set(), [20, 40]),
        (0, None, {0, 2}, [20, 40]),
        (11, {1, 11, 111}, {2}, [40]),
    ],
)
def test_eligible(least: int, included: set, excluded: set, expected: list[int]) -> None:
    chosen = catalogue.eligible(SONGS, least, included, excluded)
    assert SONGS.song_ids[chosen].tolist() == expected


def test_no_song_left_is_an_error() -> None:
    with pytest.raises(SettingsError, match="no song"):
        catalogue.eligible(SONGS, 1001, None, set())


def test_restricted_by_hand() -> None:
    model = FactorModel(
        "m",
        3.0,
        np.array([1]),
        np.zeros(1),
        np.ones((1, 1), np.float32),
        SONGS.song_ids,
        np.array([0.1, 0.2, 0.3, 0.4]),
        np.array([[1.0], [2.0], [3.0], [4.0]], np.float32),
    )
    chosen = np.array([False, True, False, True])
    found = catalogue.restricted(model, chosen, SONGS.ratings, 0.5)
    assert found.song_ids.tolist() == [20, 40]
    np.testing.assert_allclose(found.song_offsets, [0.2 - 0.5 * 1, 0.4 - 0.5 * 3])
    np.testing.assert_allclose(found.song_factors, [[2], [4]])
    scores, *_ = found.score(np.array([1]), np.array([40]))
    np.testing.assert_allclose(scores, [3 + 0.4 - 1.5 + 4])


def test_popularity_of_songs_that_only_the_model_knows() -> None:
    model = FactorModel(
        "m",
        3.0,
        np.array([1]),
        np.zeros(1),
        np.zeros((1, 0), np.float32),
        np.array([5, 20, 40]),
        np.zeros(3),
        np.zeros((3, 0), np.float32),
    )
    found = SONGS.of(model)
    assert found.song_ids.tolist() == [5, 20, 40]
    assert found.ratings.tolist() == [0, 10, 1000]
    assert found.artist_ids.tolist() == [-1, 1, 3]


def test_lists_for_everybody_by_hand() -> None:
    popular, mean = catalogue.most_popular(SONGS), catalogue.best_mean(SONGS, 5.0)
    songs = np.array([10, 20, 30, 40])
    everybody = np.full(4, 123)
    np.testing.assert_allclose(popular.score(everybody, songs)[0], [1, 10, 100, 1000])
    overall = 2345 / 1111
    by_hand = [(5 + 5 * overall) / 6, (40 + 5 * overall) / 15]
    np.testing.assert_allclose(mean.score(everybody, songs)[0][:2], by_hand)
