"""The hash of packed ratings, against Spark's of their rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders import ratings
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.packed_identity import Side, identities, xxhash64
from ymr_spark.packing import by_song, by_user
from ymr_spark.ratings import identity


def test_xxhash64_is_that_of_spark(spark: SparkSession) -> None:
    random = np.random.default_rng(5)
    rows = random.integers(-(2**31), 2**31, (200, 3)).tolist()
    rows += [[0, 0, 0], [1, -1, 0], [2**31 - 1, -(2**31), 42]]
    frame = spark.createDataFrame(rows, "a int, b int, c int")
    expected = [row[0] for row in frame.select(F.xxhash64("a", "b", "c")).collect()]
    found = xxhash64(*(np.array(column) for column in zip(*rows, strict=True)))
    assert found.view(np.int64).tolist() == expected


@pytest.mark.parametrize(("by", "owner"), [(by_user, "user_id"), (by_song, "song_id")])
def test_it_is_that_of_the_rows(spark: SparkSession, by: Any, owner: Side) -> None:
    rows = [(user, song, 1 + (user * song) % 5) for user in range(40) for song in range(user)]
    train, test = ratings(spark, rows[:600]), ratings(spark, rows[600:], "test")
    packed = by(train.union(test))
    expected = identity(train.union(test))
    assert identities(packed, owner) == expected
    other: Side = "song_id" if owner == "user_id" else "user_id"
    assert identities(packed, other).keys() == expected.keys()
    assert identities(packed, other) != expected
    one_less = replace(packed, frame=packed.frame.where("owner != 30"))
    assert identities(one_less, owner)["train"] != expected["train"]
