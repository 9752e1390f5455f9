"""Rows dealt into buckets, buckets packed into blocks, without Spark."""

from collections.abc import Iterable, Iterator, Set
from itertools import groupby, pairwise
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_packing import HALVES, STARS, rows_of

from ymr_spark import grouping, packing
from ymr_spark.errors import DataContractError

REST = ["owner", "others", "levels", "splits"]
BOTH = ("train", "validation")
Row = tuple[int, int, float]
T = TypeVar("T")
DEALT = pa.schema(
    [
        ("bucket", pa.int32()),
        ("owners", pa.list_(pa.int32())),
        ("others", pa.list_(pa.int32())),
        ("levels", pa.list_(pa.int8())),
        ("splits", pa.list_(pa.int8())),
    ]
)
IDS = st.integers(0, 5) | st.integers(254, 258) | st.sampled_from([2**23, 2**24 - 1])


def batch_of(rows: list[Row], held_out: Set[tuple[int, int]] = frozenset()) -> pa.RecordBatch:
    types = {"user_id": pa.int32(), "song_id": pa.int32(), "rating": pa.float64()}
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    arrays = [pa.array(c, t) for c, t in zip(columns, types.values(), strict=True)]
    codes = pa.array([int(row[:2] in held_out) for row in rows], pa.int8())
    return pa.record_batch([*arrays, codes], [*types, "code"])


def pieces(rows: list[T], cuts: list[int]) -> list[list[T]]:
    ends = [0, *sorted(cut % (len(rows) + 1) for cut in cuts), len(rows)]
    return [rows[a:b] for a, b in pairwise(ends)]


@given(st.data())
def test_packing_keeps_all_ratings_and_whole_owners_whatever_the_batches(
    data: st.DataObject,
) -> None:
    stars = data.draw(
        st.dictionaries(st.tuples(IDS, IDS), st.sampled_from(HALVES.values.tolist()), max_size=40)
    )
    rows = data.draw(st.permutations([(*key, rating) for key, rating in stars.items()]))
    cuts, block_ratings = st.lists(st.integers(0, 40), max_size=5), data.draw(st.integers(1, 12))
    held_out = data.draw(st.sets(st.sampled_from([*stars]))) if stars else set()
    parts = pieces(rows, data.draw(cuts))
    dealt = grouping.deal((batch_of(part, held_out) for part in parts), HALVES)
    # The shuffle: rows by bucket, those of a bucket in any order, in batches of any length.
    arrived = data.draw(st.permutations([row for batch in dealt for row in batch.to_pylist()]))
    arrived = sorted(arrived, key=lambda row: row["bucket"])
    batches = [pa.RecordBatch.from_pylist(p, DEALT) for p in pieces(arrived, data.draw(cuts))]
    packed = list(grouping.pack(batches, block_ratings))
    # Spark's cache: batches of any length again.
    owners = [row for batch in packed for row in batch.to_pylist()]
    batches = [
        pa.RecordBatch.from_pylist(p, packed[0].schema)
        for p in pieces(owners, data.draw(cuts))
        if p
    ]
    found = list(packing.unpack(batches, HALVES, BOTH))
    kept = list(packing.unpack(batches, HALVES))

    of_blocks = groupby(owners, key=lambda row: row["block"])
    assert [b.owners.tolist() for b in found] == [
        [r["owner"] for r in rows] for _, rows in of_blocks
    ]
    assert sorted(o for b in found for o in b.owners.tolist()) == sorted({u for u, _ in stars})
    for block, seen in [*((b, {*stars}) for b in found), *((b, {*stars} - held_out) for b in kept)]:
        assert block.counts.sum() == len(block.others) == len(block.ratings)
        assert block.others[block.starts].tolist() == [
            min(song for user, song in seen if user == u) for u in block.owners.tolist()
        ]
        # Sums of floats depend on the order, which must not be the shuffle's.
        mine = rows_of([block]).tolist()
        assert mine == sorted(mine)
    assert sorted(rows_of(found).tolist()) == sorted(
        [user, song, r] for (user, song), r in stars.items()
    )
    assert sorted(rows_of(kept).tolist()) == sorted(
        [user, song, r] for (user, song), r in stars.items() if (user, song) not in held_out
    )


def test_what_does_not_fit_is_not_wrapped() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"user_id": [1], "song_id": [2**33], "rating": [3.0], "code": [0]}
    )
    with pytest.raises(pa.ArrowInvalid, match=str(2**33)):
        list(grouping.deal([batch], STARS))
    with pytest.raises(DataContractError, match="rating 300"):
        list(grouping.deal([batch_of([(1, 2, 300.0)])], STARS))


def test_a_block_is_closed_after_the_bucket_that_fills_it() -> None:
    users = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 3]
    batch = batch_of([(user, song, 1) for song, user in enumerate(users)])
    found = list(packing.unpack(grouping.pack(grouping.deal([batch], STARS), 4), STARS))
    assert [b.owners.tolist() for b in found] == [[0, 1], [2], [3]]
    assert [b.counts.tolist() for b in found] == [[3, 2], [5], [1]]
    assert np.concatenate([b.others for b in found]).tolist() == list(range(11))


def test_few_buckets_are_held_at_a_time() -> None:
    """A block is out once the first rows of the next are there."""
    asked = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal asked
        for user in range(20):
            asked += 1
            yield from grouping.deal([batch_of([(user, song, 3) for song in range(5)])], STARS)

    packed = iter(grouping.pack(batches(), 10))
    assert next(packed)["owner"].to_pylist() == [0, 1]
    assert asked == 3
    blocks = packing.unpack(packed, STARS)
    assert next(blocks).owners.tolist() == [2, 3]
    assert asked <= 7


@given(st.lists(st.tuples(IDS, IDS, st.integers(0, 2**63)), max_size=50))
def test_ascending_is_the_order_of_the_last_column(rows: list[tuple[int, int, int]]) -> None:
    columns = [
        np.array([row[i] for row in rows], kind) for i, kind in enumerate(("i4", "i4", "u8"))
    ]
    found = grouping.ascending(*columns)
    assert found.tolist() == sorted(range(len(rows)), key=lambda i: rows[i][::-1])


@given(st.data())
def test_packed_by_others_is_what_rows_are_packed_to(data: st.DataObject) -> None:
    stars = data.draw(
        st.dictionaries(st.tuples(IDS, IDS), st.sampled_from(HALVES.values.tolist()), min_size=1)
    )
    held_out = data.draw(st.sets(st.sampled_from([*stars])))
    rows = [(*key, rating) for key, rating in stars.items()]
    swapped = [(song, user, rating) for user, song, rating in rows]
    by_user = _packed(grouping.deal([batch_of(rows, held_out)], HALVES))
    turned = _packed(grouping.deal_by_others(by_user))
    flags = {(song, user) for user, song in held_out}
    assert turned == _packed(grouping.deal([batch_of(swapped, flags)], HALVES))


def _packed(dealt: Iterable[pa.RecordBatch]) -> list[pa.RecordBatch]:
    pieces = sorted(
        (row for batch in dealt for row in batch.to_pylist()), key=lambda r: r["bucket"]
    )
    return list(grouping.pack([pa.RecordBatch.from_pylist(pieces, DEALT)], 7))


@given(st.data())
def test_whole_users_are_packed_as_they_are_from_buckets(data: st.DataObject) -> None:
    """But for the blocks: those of whole users are cut where there is enough, in their order."""
    stars = data.draw(
        st.dictionaries(st.tuples(IDS, IDS), st.sampled_from(HALVES.values.tolist()), min_size=1)
    )
    held_out = data.draw(st.sets(st.sampled_from([*stars])))
    rows = data.draw(st.permutations([(*key, rating) for key, rating in stars.items()]))
    parts = [rated(part, held_out) for part in pieces(rows, [5]) if part]
    [found] = grouping.pack_by_user(parts, HALVES, 7)
    by_bucket = _packed(grouping.deal([batch_of(rows, held_out)], HALVES))
    plain = [row for batch in by_bucket for row in batch.select(REST).to_pylist()]
    assert found.select(REST).to_pylist() == sorted(plain, key=lambda r: r["owner"])
    blocks = list(packing.unpack([found], HALVES, BOTH))
    assert [b.owners[0] for b in blocks] == found["block"].unique().to_pylist()
    assert len(blocks) <= max(1, len(rows) // 7)
    if len(blocks) > 1:
        assert max(len(b.ratings) - max(b.counts) for b in blocks) < 2 * 7


def rated(rows: list[Row], held_out: Set[tuple[int, int]]) -> pa.RecordBatch:
    """As of the table of ratings."""
    batch = batch_of(rows, held_out)
    splits = pa.array(["validation" if code.as_py() else "train" for code in batch["code"]])
    columns = [batch["song_id"], batch["rating"], splits, batch["user_id"]]
    return pa.RecordBatch.from_arrays(columns, ["song_id", "rating", "split", "user_id"])


def test_pieces_of_numbers_beyond_sixteen_bits() -> None:
    number = np.array([65_536, 3, 65_539, 3, 65_536])
    found, values = grouping.pieces(number, [np.arange(5)])
    assert found.to_pylist() == [3, 65_536, 65_539]
    assert values.to_pylist() == [[1, 3], [0, 4], [2]]
