from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from builders import dense_ratings, ratings
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.models import blocks


def unpacked(frame) -> list[blocks.UserBlock]:
    batches = frame.toArrow().to_batches()
    return list(blocks.unpack(batches))


@pytest.mark.parametrize("by", ["user_id", "song_id"])
def test_every_rating_once_and_users_whole(
    spark: SparkSession, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small blocks: that of a bucket in pieces would part its users.
    monkeypatch.setattr(blocks, "_BLOCK_RATINGS", 5)
    rows = dense_ratings(50, 30, 0.2, seed=1)
    frame = ratings(spark, [tuple(r) for r in rows.tolist()]).repartition(3, by)
    found = unpacked(blocks.user_blocks(frame))
    assert len(found) > 20
    users = np.concatenate([block.users for block in found])
    assert len(np.unique(users)) == len(users) == 50
    triples = np.concatenate(
        [np.c_[np.repeat(b.users, b.counts), b.songs, b.ratings] for b in found]
    )
    order = np.lexsort(triples.T[::-1])
    np.testing.assert_array_equal(triples[order], rows)


DEALT = pa.schema(
    [("bucket", pa.int32()), *((name, pa.binary()) for name in ("users", "songs", "ratings"))]
)
IDS = st.integers(0, 5) | st.integers(1022, 1026) | st.sampled_from([2**23, 2**24 - 1])


def batch_of(rows: list[tuple[int, int, int]]) -> pa.RecordBatch:
    types = {"user_id": pa.int32(), "song_id": pa.int32(), "rating": pa.int8()}
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    arrays = [pa.array(c, t) for c, t in zip(columns, types.values(), strict=True)]
    return pa.record_batch(arrays, list(types))


def pieces(rows: list, cuts: list[int]) -> list[list]:
    ends = [0, *sorted(cut % (len(rows) + 1) for cut in cuts), len(rows)]
    return [rows[a:b] for a, b in pairwise(ends)]


@given(st.data())
def test_packing_keeps_all_ratings_and_whole_users_whatever_the_batches(
    data: st.DataObject,
) -> None:
    stars = data.draw(st.dictionaries(st.tuples(IDS, IDS), st.integers(1, 5), max_size=40))
    rows = data.draw(st.permutations([(*key, rating) for key, rating in stars.items()]))
    cuts, block_ratings = st.lists(st.integers(0, 40), max_size=5), st.integers(1, 12)
    dealt = blocks._deal(batch_of(part) for part in pieces(rows, data.draw(cuts)))
    # The shuffle: rows by bucket, those of a bucket in any order, in batches of any length.
    arrived = data.draw(st.permutations([row for batch in dealt for row in batch.to_pylist()]))
    arrived = sorted(arrived, key=lambda row: row["bucket"])
    batches = [pa.RecordBatch.from_pylist(p, DEALT) for p in pieces(arrived, data.draw(cuts))]
    found = list(blocks.unpack(blocks._pack(batches, data.draw(block_ratings))))

    users = [user for block in found for user in block.users.tolist()]
    assert sorted(users) == sorted({user for user, _ in stars})
    triples = []
    for block in found:
        assert block.counts.sum() == len(block.songs) == len(block.ratings)
        assert block.songs[block.starts].tolist() == [
            min(song for user, song in stars if user == u) for u in block.users.tolist()
        ]
        mine = np.c_[np.repeat(block.users, block.counts), block.songs, block.ratings].tolist()
        # Sums of floats depend on the order, which must not be the shuffle's.
        assert mine == sorted(mine)
        triples += mine
    assert sorted(triples) == sorted([user, song, rating] for (user, song), rating in stars.items())


def test_stars_that_are_not_whole_are_not_cut_off(spark: SparkSession) -> None:
    frame = ratings(spark, [(1, 2, 4)]).withColumn("rating", F.lit(4.5))
    for packed in (blocks.user_blocks, blocks.song_blocks):
        with pytest.raises(DataContractError, match="'rating': 'double'"):
            packed(frame)


def test_what_does_not_fit_is_not_wrapped() -> None:
    batch = pa.record_batch([[1], [2], [300]], ["user_id", "song_id", "rating"])
    with pytest.raises(pa.ArrowInvalid, match="300"):
        list(blocks._deal([batch]))


def test_a_block_is_closed_after_the_bucket_that_fills_it() -> None:
    users = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 3]
    batch = batch_of([(user, song, 1) for song, user in enumerate(users)])
    found = list(blocks.unpack(blocks._pack(blocks._deal([batch]), 4)))
    assert [b.users.tolist() for b in found] == [[0, 1], [2], [3]]
    assert [b.counts.tolist() for b in found] == [[3, 2], [5], [1]]
    assert np.concatenate([b.songs for b in found]).tolist() == list(range(11))


def test_few_buckets_are_held_at_a_time() -> None:
    """A block is out before the rows of later buckets are asked for."""
    asked = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal asked
        for user in range(20):
            asked += 1
            yield from blocks._deal([batch_of([(user, song, 3) for song in range(5)])])

    packed = blocks.unpack(blocks._pack(batches(), 10))
    assert next(packed).users.tolist() == [0, 1]
    assert asked == 3
