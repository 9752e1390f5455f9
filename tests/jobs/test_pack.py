"""What is packed is what was ingested, or nothing reads it."""

import pytest
import told
from builders import ratings
from pyspark.sql import SparkSession

from jobs import pack
from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.packed_identity import identities
from ymr_spark.pipeline import cli, data_files, packed_tables, stages
from ymr_spark.pipeline.packed_tables import BY_USER, OWNERS
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import identity
from ymr_spark.records import figures


@pytest.fixture
def filled(spark: SparkSession, warehouse: Warehouse) -> Warehouse:
    """As ingest leaves it."""
    train = ratings(spark, [(user, song, 3) for user in range(9) for song in range(user + 2)])
    held_out = ratings(spark, [(1, 50, 5), (3, 51, 1)], "validation")
    rows = train.union(held_out).union(ratings(spark, [(2, 50, 4)], "test"))
    version = warehouse.write(rows, "ratings")
    told.write(warehouse, "ingest", told.ingested(identity(rows), version))
    return warehouse


def packed(spark: SparkSession, warehouse: Warehouse) -> figures.Packed:
    return pack.run(
        spark, *cli.declared(stages.named("pack"), Warehouse(warehouse.root), Settings())
    )


def test_both_tables_have_all_ratings(spark: SparkSession, filled: Warehouse) -> None:
    found = packed(spark, filled)
    told.write(filled, "pack", found)
    fresh = Warehouse(filled.root)
    expected = identity(fresh.read(spark, "ratings"))
    assert found.splits == expected
    assert found.rows == 57
    layouts = packed_tables.layouts(spark, fresh)
    for layout, owner in zip((layouts.by_user, layouts.by_song), OWNERS.values(), strict=True):
        assert identities(layout, owner) == expected
        owners, counts = layout.of("train", "validation", "test").counts()
        rows = fresh.read(spark, "ratings").groupBy(owner).count().collect()
        assert dict(zip(owners.tolist(), counts.tolist(), strict=True)) == dict(rows)
    assert layouts.by_user.scale == fresh.scale()


def test_users_in_files_of_their_own_are_packed_without_a_shuffle(
    spark: SparkSession, filled: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the same rows, but for their blocks, and in the order of users."""
    found = []
    for most in (1, 1 << 23):
        monkeypatch.setattr(pack, "_MOST_TOGETHER", most)
        packed(spark, filled)
        table = Warehouse(filled.root).load(BY_USER)
        found.append(table.select(["owner", "others", "levels", "splits"]))
    assert found[0].sort_by("owner") == found[1].sort_by("owner")
    groups = data_files.apart(Warehouse(filled.root), "ratings", "user_id")
    assert len(table["block"].unique()) == len(groups)


def test_ratings_that_are_not_those_of_ingest_are_not_packed(
    spark: SparkSession, filled: Warehouse
) -> None:
    wrong = identity(filled.read(spark, "ratings")) | {"test": Identity(1, "0" * 32)}
    told.write(filled, "ingest", told.ingested(wrong, filled.pin("ratings")))
    with pytest.raises(DataContractError, match=r"packed_by_user: .*, where ratings has"):
        packed(spark, filled)


def test_what_other_ratings_were_packed_to_is_not_read(
    spark: SparkSession, filled: Warehouse
) -> None:
    told.write(filled, "pack", packed(spark, filled))
    rows = filled.read(spark, "ratings").where("user_id != 3")
    version = filled.write(rows, "ratings")
    told.write(filled, "ingest", told.ingested(identity(filled.read(spark, "ratings")), version))
    with pytest.raises(DataContractError, match=r"not of version 1 of the ratings; run jobs/pack"):
        packed_tables.by_user(spark, Warehouse(filled.root))
