from dataclasses import fields

import numpy as np
import pytest
from builders import CATALOGUE as SONGS
from builders import ratings, table
from pyspark.sql import SparkSession

from ymr_spark.lists import catalogue
from ymr_spark.lists.catalogue import Catalogue
from ymr_spark.packing import by_song, by_user
from ymr_spark.sources.r2.scale import R2
from ymr_spark.statistics import scans


def test_read(spark: SparkSession) -> None:
    rows = ratings(spark, [(1, 30, 5), (2, 30, 2), (1, 10, 4)])
    rows = rows.union(ratings(spark, [(1, 20, 5), (3, 30, 5)], "test"))
    rows = rows.union(ratings(spark, [(2, 20, 5), (4, 30, 5)], "validation"))
    counts = scans.by_song(by_song(rows), scans.by_user(by_user(rows))).toArrow()
    songs = [(30, 1, 8, 2), (10, 0, 6, 0), (20, 0, 7, 1), (15, 0, 9, 3)]
    found = catalogue.read(counts, table(spark, "songs", songs).toArrow(), R2)
    assert found.song_ids.tolist() == [10, 15, 20, 30]
    assert found.artist_ids.tolist() == [6, 9, 7, 8]
    assert found.genre_ids.tolist() == [0, 3, 1, 2]
    assert found.ratings.tolist() == [1, 0, 0, 2]
    assert found.stars.tolist() == [4, 0, 0, 7]
    assert found.rated().song_ids.tolist() == [10, 30]
    assert found.of(np.array([7, 15, 30])).song_ids.tolist() == [15, 30]
    both = catalogue.read(
        counts, table(spark, "songs", songs).toArrow(), R2, ("train", "validation")
    )
    assert both.ratings.tolist() == [1, 0, 1, 3]
    assert both.stars.tolist() == [4, 0, 5, 12]


@pytest.mark.parametrize("unrated", [0, 2])
def test_the_list_for_everybody_by_hand(unrated: int) -> None:
    columns = [getattr(SONGS, field.name) for field in fields(SONGS)]
    more = np.array([50, 60][:unrated])
    everything = Catalogue(np.r_[columns[0], more], *(np.r_[c, more * 0] for c in columns[1:]))
    popular = catalogue.most_popular(everything, R2)
    assert popular.song_ids.tolist() == [10, 20, 30, 40]
    scores = popular.score(np.full(4, 123), np.array([10, 20, 30, 40]))[0]
    np.testing.assert_allclose(scores, np.log([1, 10, 100, 1000]))
