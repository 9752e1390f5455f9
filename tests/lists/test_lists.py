from dataclasses import astuple

import numpy as np
import pytest
from pyspark.sql import SparkSession

from ymr_spark.lists import lists
from ymr_spark.lists.catalogue import Catalogue
from ymr_spark.records.description import Example

SONGS = Catalogue(
    song_ids=np.array([10, 20, 30, 40, 50]),
    artist_ids=np.arange(5),
    genre_ids=np.array([0, 0, 1, 2, 2]),
    ratings=np.array([5, 60, 10, 15, 10]),
    stars=np.array([5, 60, 10, 15, 10]),
)


def test_described_by_hand(spark: SparkSession) -> None:
    rows = [(1, 1, 20), (1, 2, 30), (2, 1, 20), (2, 2, 10), (3, 1, 20)]
    recommended = spark.createDataFrame(rows, "user_id int, rank int, song_id int")
    heard = spark.createDataFrame([(1, 40), (1, 50), (1, 30), (2, 10)], "user_id int, song_id int")
    names = {0: "Unknown", 1: "Rock", 2: "Pop"}
    candidates = np.array([10, 20, 30, 40])
    found = lists.described(recommended, heard, [2, 1], SONGS, candidates, names, examples=2)
    assert found.lists == 3
    assert found.coverage == 3 / 4
    assert found.long_tail_share == 2 / 5  # all songs but the most rated one are its tail
    assert found.long_tail_ratings == 40 / 100
    assert found.shared == pytest.approx(1 / 2)
    two, one = found.examples
    assert two == Example(2, heard={"Unknown": 1.0}, recommended={"Unknown": 1.0})
    assert list(one.heard.items()) == [("Pop", 0.6667), ("Rock", 0.3333)]
    assert one.recommended == {"Rock": 0.5, "Unknown": 0.5}


def test_songs_without_ratings_are_in_the_tail(spark: SparkSession) -> None:
    songs = Catalogue(*(np.r_[column, [0, 0]] for column in astuple(SONGS)))
    songs.song_ids[-2:] = [60, 70]
    rows = [(1, 1, 20), (1, 2, 60), (1, 3, 10), (1, 4, 70)]
    recommended = spark.createDataFrame(rows, "user_id int, rank int, song_id int")
    heard = spark.createDataFrame([(1, 40)], "user_id int, song_id int")
    names = {0: "Unknown", 1: "Rock", 2: "Pop"}
    found = lists.described(recommended, heard, [1], songs, songs.song_ids, names)
    assert found.long_tail_share == 3 / 4
    assert found.long_tail_ratings == 40 / 100
    assert found.coverage == 4 / 7
    assert found.examples[0].recommended == {"Unknown": 1.0}


def test_shared_by_hand() -> None:
    users = np.array([7, 7, 8, 8, 9, 9])
    songs = np.array([1, 2, 1, 2, 2, 3])
    assert lists.shared(users, songs) == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert lists.shared(users[:2], songs[:2]) is None
    assert lists.shared(users[:0], songs[:0]) is None
