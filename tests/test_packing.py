import re
from collections.abc import Iterator, Set
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pytest
from builders import dense_ratings, ratings
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import packing
from ymr_spark.errors import DataContractError
from ymr_spark.models.arrays import Floats
from ymr_spark.packing import Block, by_song, by_user
from ymr_spark.ratings import with_scale
from ymr_spark.scale import Scale

SOURCES = Path(packing.__file__).parent
STARS = Scale(1, 5, 1)
HALVES = Scale(0.5, 5, 0.5)
Row = tuple[int, int, float]
T = TypeVar("T")
COLUMNS = "user_id int, song_id int, rating float"


def unpacked(packed: packing.Packed) -> list[Block]:
    return list(packing.unpack(packed.frame.toArrow().to_batches(), packed.scale))


def rows_of(blocks: list[Block]) -> Floats:
    """(ratings, 3) owner, other and stars."""
    rows = [np.c_[np.repeat(b.owners, b.counts), b.others, b.ratings] for b in blocks]
    return np.concatenate([np.zeros((0, 3)), *rows])


@pytest.mark.parametrize(("by", "own", "other"), [(by_user, 0, 1), (by_song, 1, 0)])
def test_every_rating_once_and_owners_whole(
    spark: SparkSession, by: type, own: int, other: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small blocks: that of a bucket in pieces would part its owners.
    monkeypatch.setattr(packing, "_BLOCK_RATINGS", 5)
    rows = dense_ratings(50, 40, 0.2, seed=1)
    for column in ("user_id", "song_id"):
        frame = ratings(spark, [tuple(r) for r in rows.tolist()]).repartition(3, column)
        packed = by(frame)
        assert packed.scale == STARS
        found = unpacked(packed)
        assert len(found) > 20
        owners = np.concatenate([block.owners for block in found])
        assert len(np.unique(owners)) == len(owners) == (50, 40)[own]
        triples = rows_of(found)
        expected = rows[:, [own, other, 2]]
        np.testing.assert_array_equal(
            triples[np.lexsort(triples.T[::-1])], expected[np.lexsort(expected.T[::-1])]
        )
        ids, counts = packed.counts()
        assert dict(zip(ids, counts, strict=True)) == dict(enumerate(np.bincount(rows[:, own])))


DEALT = pa.schema(
    [
        ("bucket", pa.int32()),
        ("owners", pa.list_(pa.int32())),
        ("others", pa.list_(pa.int32())),
        ("levels", pa.list_(pa.int8())),
    ]
)
IDS = st.integers(0, 5) | st.integers(1022, 1026) | st.sampled_from([2**23, 2**24 - 1])


def batch_of(rows: list[Row], held_out: Set[tuple[int, int]] = frozenset()) -> pa.RecordBatch:
    types = {"user_id": pa.int32(), "song_id": pa.int32(), "rating": pa.float64()}
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    arrays = [pa.array(c, t) for c, t in zip(columns, types.values(), strict=True)]
    flags = pa.array([row[:2] in held_out for row in rows], pa.bool_())
    return pa.record_batch([*arrays, flags], [*types, "held_out"])


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
    dealt = packing._deal((batch_of(part, held_out) for part in parts), HALVES)
    # The shuffle: rows by bucket, those of a bucket in any order, in batches of any length.
    arrived = data.draw(st.permutations([row for batch in dealt for row in batch.to_pylist()]))
    arrived = sorted(arrived, key=lambda row: row["bucket"])
    batches = [pa.RecordBatch.from_pylist(p, DEALT) for p in pieces(arrived, data.draw(cuts))]
    packed = list(packing._pack(batches, block_ratings))
    # Spark's cache: batches of any length again.
    owners = [row for batch in packed for row in batch.to_pylist()]
    batches = [
        pa.RecordBatch.from_pylist(p, packed[0].schema)
        for p in pieces(owners, data.draw(cuts))
        if p
    ]
    found = list(packing.unpack(batches, HALVES, with_held_out=True))
    kept = list(packing.unpack(batches, HALVES))

    assert [b.owners.tolist() for b in found] == [b["owner"].to_pylist() for b in packed]
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


def test_held_out_ratings_are_seen_where_asked_for(spark: SparkSession) -> None:
    rows = [(1, 2, 5, False), (1, 3, 1, True), (8, 2, 4, True), (9, 3, 2, False)]
    frame = spark.createDataFrame(rows, "user_id int, song_id int, rating int, held_out boolean")
    for by, kept, counts in (
        (by_user, [[1, 2, 5], [9, 3, 2]], {1: 2, 8: 1, 9: 1}),
        (by_song, [[2, 1, 5], [3, 9, 2]], {2: 2, 3: 2}),
    ):
        packed = by(with_scale(frame, STARS))
        assert sorted(rows_of(unpacked(packed)).tolist()) == kept
        assert dict(zip(*map(np.ndarray.tolist, packed.counts()), strict=True)) == {
            owner: sum(row[0] == owner for row in kept) for owner, _, _ in kept
        }
        everything = packed.everything()
        assert dict(zip(*map(np.ndarray.tolist, everything.counts()), strict=True)) == counts
        packed.unpersist()


@pytest.mark.parametrize("kind", ["float", "double"])
def test_half_stars_are_exact(spark: SparkSession, kind: str) -> None:
    rows = [(1, 2, 3.5), (1, 3, 0.5), (2, 2, 5.0), (2, 9, 4.0)]
    frame = spark.createDataFrame(rows, COLUMNS).withColumn("rating", F.col("rating").cast(kind))
    for packed in (by_user(frame), by_user(with_scale(frame, HALVES))):
        assert packed.scale == HALVES
        assert sorted(rows_of(unpacked(packed)).tolist()) == [[*row] for row in rows]
    assert sorted(rows_of(unpacked(by_song(frame))).tolist()) == [
        [2, 1, 3.5],
        [2, 2, 5.0],
        [3, 1, 0.5],
        [9, 2, 4.0],
    ]


@pytest.mark.parametrize("stars", [0.0, 5.5, 3.25, None, float("nan")])
def test_a_rating_off_the_noted_scale_is_refused(spark: SparkSession, stars: float | None) -> None:
    frame = spark.createDataFrame([(1, 2, 4.0), (1, 3, stars)], COLUMNS)
    with pytest.raises(DataContractError, match=r"not on a scale from 0\.5 to 5 stars by 0\.5"):
        by_user(with_scale(frame, HALVES))


def test_ratings_without_a_scale_are_refused(spark: SparkSession) -> None:
    frame = spark.range(500).selectExpr("int(id) user_id", "int(id) song_id", "sqrt(id) rating")
    with pytest.raises(DataContractError):
        by_song(frame)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("user_id", "double"),
        ("song_id", "bigint"),
        ("rating", "string"),
        ("rating", "decimal(2,1)"),
    ],
)
def test_columns_of_another_type_are_refused(spark: SparkSession, column: str, kind: str) -> None:
    frame = spark.createDataFrame([(1, 2, 4.0), (1, 3, 5.0)], COLUMNS)
    for by in (by_user, by_song):
        with pytest.raises(DataContractError, match=re.escape(f"{column} is {kind}, expected")):
            by(frame.withColumn(column, F.col(column).cast(kind)))


def test_what_does_not_fit_is_not_wrapped() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"user_id": [1], "song_id": [2**33], "rating": [3.0], "held_out": [False]}
    )
    with pytest.raises(pa.ArrowInvalid, match=str(2**33)):
        list(packing._deal([batch], STARS))
    with pytest.raises(DataContractError, match="rating 300"):
        list(packing._deal([batch_of([(1, 2, 300.0)])], STARS))


def test_a_block_is_closed_after_the_bucket_that_fills_it() -> None:
    users = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 3]
    batch = batch_of([(user, song, 1) for song, user in enumerate(users)])
    found = list(packing.unpack(packing._pack(packing._deal([batch], STARS), 4), STARS))
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
            yield from packing._deal([batch_of([(user, song, 3) for song in range(5)])], STARS)

    packed = iter(packing._pack(batches(), 10))
    assert next(packed)["owner"].to_pylist() == [0, 1]
    assert asked == 3
    blocks = packing.unpack(packed, STARS)
    assert next(blocks).owners.tolist() == [2, 3]
    assert asked <= 7


def test_arrays_go_to_the_driver_and_back(spark: SparkSession) -> None:
    packed = by_user(ratings(spark, [(1, 2, 5), (1, 3, 1), (8, 2, 4)]))

    def kernel(blocks: Iterator[Block]) -> Iterator[pa.RecordBatch]:
        for block in blocks:
            nothing = np.zeros(0, np.float32)
            yield packing.one_row(ids=block.others, none=nothing, stars=block.ratings, count=3)

    columns = "ids array<int>, none array<float>, stars array<double>, count long"
    table = packed.map(kernel, columns).toArrow()
    assert sorted(packing.flat(table, "ids").tolist()) == [2, 2, 3]
    assert sorted(packing.flat(table, "stars").tolist()) == [1.0, 4.0, 5.0]
    assert packing.flat(table, "none").dtype == np.float32
    assert set(table["count"].to_pylist()) == {3}
    packed.unpersist()
    assert not packed.frame.is_cached


@pytest.mark.parametrize("path", sorted(SOURCES.rglob("*.py")), ids=lambda p: p.name)
def test_arrays_are_passed_on_as_typed_columns(path: Path) -> None:
    assert not re.search(r"\b(tobytes|frombuffer)\b", path.read_text())
