import tracemalloc

import numpy as np
from builders import ratings
from pyspark.sql import SparkSession

from ymr_spark.models.linear import totals
from ymr_spark.models.linear.totals import Totals
from ymr_spark.packing import Block, by_user

LARGEST = 2**24 - 1  # see r2.parsing


def listed(found: Totals) -> list[list[float]]:
    return [found.ids.tolist(), found.ratings.tolist(), found.stars.tolist()]


def test_users_and_songs_by_hand(spark: SparkSession) -> None:
    # In two blocks or one, as their users' buckets fall.
    packed = by_user(ratings(spark, [(5, 3, 4), (1, 3, 2), (1, 9, 5), (1025, 0, 1)]))
    assert listed(totals.of_owners(packed)) == [[1, 5, 1025], [2, 1, 1], [7, 4, 1]]
    songs = totals.of_others(packed)
    assert listed(songs) == [[0, 3, 9], [1, 2, 1], [1, 6, 5]]
    assert songs.mean == 3


def test_what_a_task_sends_and_holds_goes_by_songs_not_by_ids() -> None:
    songs = np.array([0, 7, LARGEST, 7], np.int32)
    block = Block(
        np.array([1, 2], np.int32),
        np.array([3, 1], np.int32),
        songs,
        np.array([1.0, 2.0, 3.0, 5.0]),
    )
    tracemalloc.start()
    sent = totals._of_block(block)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert listed(sent) == [[0, 7, LARGEST], [1, 2, 1], [1, 7, 3]]
    assert peak < 32 * 2**20
