"""Counts by hand, of users whom the train files do not have among them."""

from builders import ratings
from pyspark.sql import SparkSession

from ymr_spark.packing import by_song, by_user
from ymr_spark.statistics import scans


def test_counts_and_raters_activity(spark: SparkSession) -> None:
    rows = ratings(spark, [(3, 1, 5), (3, 2, 5), (5, 1, 1)])
    rows = rows.union(ratings(spark, [(3, 4, 2)], "validation"))
    rows = rows.union(ratings(spark, [(2, 1, 4), (4, 1, 4), (9, 1, 5), (3, 9, 1)], "test"))
    users = scans.by_user(by_user(rows))
    found = {(r["split"], r["user_id"]): r["counts"] for r in users.collect()}
    assert found == {
        ("train", 3): [0, 0, 0, 0, 2],
        ("train", 5): [1, 0, 0, 0, 0],
        ("validation", 3): [0, 1, 0, 0, 0],
        **{("test", user): [0, 0, 0, 1, 0] for user in (2, 4)},
        ("test", 9): [0, 0, 0, 0, 1],
        ("test", 3): [1, 0, 0, 0, 0],
    }
    songs = scans.by_song(by_song(rows), users)
    # User 3 has three ratings in the train files, user 5 one; the others have none.
    assert {(r["split"], r["song_id"]): r["rater_activity"] for r in songs.collect()} == {
        ("train", 1): 4,
        ("train", 2): 3,
        ("validation", 4): 3,
        ("test", 1): 0,
        ("test", 9): 3,
    }
