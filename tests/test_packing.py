import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from builders import dense_ratings, ratings
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark import grouping, packing
from ymr_spark.errors import DataContractError
from ymr_spark.models.arrays import Floats
from ymr_spark.packing import Block, by_song, by_user
from ymr_spark.ratings import with_scale
from ymr_spark.scale import Scale

SOURCES = Path(packing.__file__).parent
STARS = Scale(1, 5, 1)
HALVES = Scale(0.5, 5, 0.5)
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
    monkeypatch.setattr(grouping, "_BLOCK_RATINGS", 5)
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
        everything = packed.of("train", "validation")
        assert dict(zip(*map(np.ndarray.tolist, everything.counts()), strict=True)) == counts
        packed.unpersist()


def test_the_ratings_of_some_owners(spark: SparkSession) -> None:
    packed = by_user(ratings(spark, [(1, 2, 5), (1, 3, 1), (8, 2, 4), (9, 2, 4)]))
    for wanted in ([1, 9, 77], [77]):
        mine = packed.only(spark.createDataFrame([(user,) for user in wanted], "user int"))
        expected = sorted({1: 2, 9: 1}.items()) if 1 in wanted else []
        for same in (mine, mine.persisted(1)):
            counts = zip(*map(np.ndarray.tolist, same.counts()), strict=True)
            assert sorted(counts) == expected
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


def test_rows_as_lists_are_the_same_rows(spark: SparkSession) -> None:
    packed = by_user(ratings(spark, [(1, 2, 5), (1, 3, 1), (8, 2, 4)]))

    def kernel(blocks: Iterator[Block]) -> Iterator[pa.RecordBatch]:
        for block in blocks:
            users = np.repeat(block.owners, block.counts)
            pairs = grouping.lists(np.arange(len(users) + 1) * 2, np.repeat(block.others, 2))
            batch = pa.RecordBatch.from_arrays([pa.array(users), pairs], ["user", "pairs"])
            yield batch
            yield batch.slice(0, 0)

    form = "user int, pairs array<int>"
    expected = packed.map(kernel, form).toArrow().sort_by("user")
    found = packing.long(packed.map_wide(kernel, form).toArrow()).sort_by("user")
    assert found.to_pylist() == expected.to_pylist()
    assert found.num_rows == 3


@pytest.mark.parametrize("path", sorted(SOURCES.rglob("*.py")), ids=lambda p: p.name)
def test_arrays_are_passed_on_as_typed_columns(path: Path) -> None:
    assert not re.search(r"\b(tobytes|frombuffer)\b", path.read_text())
