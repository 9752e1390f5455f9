from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from builders import dense_ratings, ratings
from pyspark.sql import SparkSession

from ymr_spark.models import blocks


def unpacked(frame) -> list[blocks.UserBlock]:
    batches = frame.toArrow().to_batches()
    return list(blocks.unpack(batches))


@pytest.mark.parametrize("by", ["user_id", "song_id"])
def test_every_rating_once_and_users_whole(
    spark: SparkSession, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = dense_ratings(50, 30, 0.2, seed=1)
    frame = ratings(spark, [tuple(r) for r in rows.tolist()]).repartition(3, by)
    found = unpacked(blocks.user_blocks(frame))
    users = np.concatenate([block.users for block in found])
    assert len(np.unique(users)) == len(users) == 50
    triples = np.concatenate(
        [np.c_[np.repeat(b.users, b.counts), b.songs, b.ratings] for b in found]
    )
    order = np.lexsort(triples.T[::-1])
    np.testing.assert_array_equal(triples[order], rows)


def test_a_block_is_closed_after_the_bucket_that_fills_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_BLOCK_RATINGS", 4)
    users = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 3]
    batch = pa.record_batch(
        [
            pa.array(users, pa.int32()),
            pa.array(range(11), pa.int32()),
            pa.array([1] * 11, pa.int8()),
        ],
        ["user_id", "song_id", "rating"],
    )
    found = list(blocks.unpack(blocks._pack(blocks._deal([batch]))))
    assert [b.users.tolist() for b in found] == [[0, 1], [2], [3]]
    assert [b.counts.tolist() for b in found] == [[3, 2], [5], [1]]
    assert np.concatenate([b.songs for b in found]).tolist() == list(range(11))


def test_few_buckets_are_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block is out before the rows of later buckets are asked for."""
    monkeypatch.setattr(blocks, "_BLOCK_RATINGS", 10)
    asked = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal asked
        for user in range(20):
            asked += 1
            columns = [[user] * 5, range(5), [3] * 5]
            kinds = [pa.int32(), pa.int32(), pa.int8()]
            arrays = [pa.array(c, k) for c, k in zip(columns, kinds, strict=True)]
            names = ["user_id", "song_id", "rating"]
            yield from blocks._deal([pa.record_batch(arrays, names)])

    packed = blocks.unpack(blocks._pack(batches()))
    assert next(packed).users.tolist() == [0, 1]
    assert asked == 3
