import numpy as np
from builders import CATALOGUE as SONGS
from builders import ratings, table
from pyspark.sql import SparkSession

from ymr_spark.models.factors import FactorModel
from ymr_spark.recommendation import catalogue
from ymr_spark.statistics import scans


def test_read(spark: SparkSession) -> None:
    rows = ratings(spark, [(1, 30, 5), (2, 30, 2), (1, 10, 4)])
    rows = rows.union(ratings(spark, [(1, 20, 5), (3, 30, 5)], "test"))
    rows = rows.union(ratings(spark, [(2, 20, 5), (4, 30, 5)], "validation"))
    counts = scans.by_song(rows, scans.by_user(rows)).toArrow()
    songs = table(spark, "songs", [(10, 0, 6, 0), (20, 0, 7, 0), (30, 1, 8, 2)]).toArrow()
    found = catalogue.read(counts, songs)
    assert found.song_ids.tolist() == [10, 30]
    assert found.artist_ids.tolist() == [6, 8]
    assert found.genre_ids.tolist() == [0, 2]
    assert found.ratings.tolist() == [1, 2]
    assert found.stars.tolist() == [4, 7]


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
