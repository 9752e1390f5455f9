import os
import re
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest
from builders import ratings, table
from on_disk import Warehouse
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from raw_files import write

from ymr_spark import schemas
from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.ratings import identity, scale_of
from ymr_spark.scale import Scale
from ymr_spark.sources.r2.scale import R2
from ymr_spark.store import atomically

ROWS = [(1, 2, 5), (1, 3, 1), (2, 2, 4)]
IDENTITY = Identity(3, "00000002002255ac00000002392d159d")


def test_reads_stay_at_the_pinned_version(spark: SparkSession, warehouse: Warehouse) -> None:
    warehouse.write(ratings(spark, ROWS), "ratings")
    reader = Warehouse(warehouse.root)
    before = reader.read(spark, "ratings")
    assert warehouse.write(ratings(spark, ROWS[:1]), "ratings") == 1
    assert (before.count(), reader.read(spark, "ratings").count()) == (3, 3)
    assert warehouse.read(spark, "ratings").count() == 1


def test_one_partition_is_replaced(spark: SparkSession, warehouse: Warehouse) -> None:
    def prediction(model: str, stars: float) -> tuple[Any, ...]:
        return (model, "test", 1, 2, stars, False, "aa")

    for model, stars in (("bias", 1.0), ("als", 2.0), ("bias", 3.0)):
        frame = table(spark, "predictions", [prediction(model, stars)])
        warehouse.write(frame, "predictions", where={"model": model})
    found = {r.model: r.prediction for r in warehouse.read(spark, "predictions").collect()}
    assert found == {"bias": 3.0, "als": 2.0}


def test_a_part_of_a_table_of_another_version_replaces_all_of_it(
    spark: SparkSession, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(model, "test", 1, 2, 3.0, False, "aa") for model in ("bias", "als")]
    frames = [table(spark, "predictions", [row]) for row in rows]
    now = {f.name: f for f in schemas.TABLES["predictions"].fields}
    then = T.StructType([field for name, field in now.items() if name != "fitted_to"])
    for replace in (warehouse.write, lambda f, t, w: warehouse.save(f.toArrow(), t, w)):
        with monkeypatch.context() as earlier:
            earlier.setitem(schemas.TABLES, "predictions", then)
            warehouse.write(frames[0].drop("fitted_to"), "predictions")
        replace(frames[1], "predictions", {"model": "als"})
        assert [row["model"] for row in warehouse.load("predictions").to_pylist()] == ["als"]
        replace(frames[0], "predictions", {"model": "bias"})
        assert warehouse.load("predictions").num_rows == 2


def test_what_spark_writes_is_loaded_without_it(spark: SparkSession, warehouse: Warehouse) -> None:
    warehouse.write(ratings(spark, ROWS).union(ratings(spark, [(7, 7, 3)], "test")), "ratings")
    reader = Warehouse(warehouse.root)
    of_one = {"user_id": 1, "song_id": 3, "rating": 1, "split": "train", "part": 0}
    assert reader.load("ratings", ds.field("song_id") == 3).to_pylist() == [of_one]
    warehouse.write(ratings(spark, ROWS[:1]), "ratings")
    assert reader.load("ratings", ds.field("split") == "train").num_rows == 3
    assert warehouse.load("ratings").num_rows == 1
    with pytest.raises(DataContractError, match=r"songs: not there.*jobs/ingest\.py"):
        warehouse.load("songs")


def test_a_data_file_that_is_gone_is_named_with_the_jobs_that_make_it(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    warehouse.write(ratings(spark, ROWS), "ratings")
    gone = warehouse.files("ratings")[0]
    gone.unlink()
    for look in (warehouse.load, lambda table: Warehouse(warehouse.root).read(spark, table)):
        with pytest.raises(DataContractError, match=rf"{gone.name}.*run jobs/ingest\.py again"):
            look("ratings")


def test_a_log_that_is_cut_off_is_named_with_the_jobs_that_make_it(warehouse: Warehouse) -> None:
    row = dict.fromkeys(schemas.SONGS.fieldNames(), 1)
    for _ in range(2):
        warehouse.save([row], "songs")
    commit = sorted((warehouse.path("songs") / "_delta_log").glob("*.json"))[0]
    for damage in (lambda: commit.write_text(commit.read_text()[:-40]), commit.unlink):
        damage()
        with pytest.raises(DataContractError, match=r"songs: version 1 .*jobs/ingest\.py again"):
            Warehouse(warehouse.root).load("songs")


def test_what_a_stage_does_not_declare_is_out_of_its_reach(warehouse: Warehouse) -> None:
    left = warehouse.only(["ratings", "models/als/"])
    assert left.path("ratings") == warehouse.path("ratings")
    assert left.path("models/als/checkpoints/") == warehouse.path("models/als/checkpoints/")
    for other in ("songs", "raw/", "models", "models/als_users", "reports/leaderboard.json"):
        with pytest.raises(LookupError, match=rf"^.?{other}: this stage's entry in stages"):
            left.path(other)


def test_what_is_saved_without_spark_is_read_by_it(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    def model(name: str, mean: float) -> dict[str, Any]:
        columns = dict.fromkeys(schemas.MODELS.fieldNames(), None)
        return columns | {"model": name, "mean": mean, "train_rows": 3}

    for name, mean in (("bias", 1.0), ("als", 2.0), ("bias", 3.0)):
        warehouse.save([model(name, mean)], "models", where={"model": name})
    read = warehouse.read(spark, "models")
    assert {row.model: row.mean for row in read.collect()} == {"bias": 3.0, "als": 2.0}
    assert [row.asDict() for row in read.orderBy("mean").collect()] == [
        model("als", 2.0),
        model("bias", 3.0),
    ]
    assert warehouse.load("models").sort_by("mean").to_pylist() == [
        model("als", 2.0),
        model("bias", 3.0),
    ]


def test_a_table_without_rows(spark: SparkSession, warehouse: Warehouse) -> None:
    assert warehouse.save([], "user_lean_users") == 0
    assert warehouse.load("user_lean_users").num_rows == 0
    assert warehouse.read(spark, "user_lean_users").count() == 0
    warehouse.write(ratings(spark, []), "ratings")
    assert warehouse.load("ratings").schema.names == schemas.RATINGS.fieldNames()


def test_state_follows_content(spark: SparkSession, warehouse: Warehouse) -> None:
    assert warehouse.state("ratings") is None
    warehouse.write(ratings(spark, ROWS), "ratings")
    first = warehouse.state("ratings")
    assert first == warehouse.state("ratings")
    warehouse.write(ratings(spark, ROWS[:2]), "ratings")
    assert warehouse.state("ratings") not in (None, first)


def test_only_files_that_are_read_count_as_raw(warehouse: Warehouse) -> None:
    raw = write(warehouse.raw, b"0\t0\t1\n", b"0\t1\t1\n")
    before = warehouse.state("raw/")
    for foreign in (".DS_Store", "README", "notes.txt", "wh/train_1.txt", "wh/tables/a.parquet"):
        atomically.write(raw / foreign, "x")
    assert warehouse.state("raw/") == before
    for read in ("truth.json", "truth_0.parquet", "train_1.txt.xz", "genre-hierarchy.txt.gz"):
        (raw / read).touch()
        assert warehouse.state("raw/") != before
        (raw / read).unlink()
    os.utime(raw / "test_0.txt", ns=(1, 1))
    assert warehouse.state("raw/") != before


def test_nothing_that_is_read_is_no_raw_folder(warehouse: Warehouse) -> None:
    atomically.write(warehouse.raw / ".DS_Store", "x")
    with pytest.raises(DataContractError, match=r"raw\.folder=DIR"):
        warehouse.require("raw/")


def test_folders_that_move_keep_their_state(tmp_path: Path) -> None:
    resources = ("raw/", "shards/", "reports/leaderboard.json")
    old = Warehouse(tmp_path / "old")
    write(old.raw, b"0\t0\t1\n", b"0\t1\t1\n")
    for file in ("shards/train/a", resources[2]):
        atomically.write(old.root / file, "x")
    before = [old.state(resource) for resource in resources]
    new = Warehouse(old.root.rename(tmp_path / "new"))
    assert [new.state(resource) for resource in resources] == before
    assert None not in before


def test_state_tells_tables_of_one_version_apart(warehouse: Warehouse, tmp_path: Path) -> None:
    """A table that was removed and made anew begins at version 0 again."""
    other = Warehouse(tmp_path / "other")
    for one, song in ((warehouse, 1), (other, 2)):
        row = dict.fromkeys(schemas.SONGS.fieldNames(), song)
        assert one.save([row], "songs") == 0
    assert warehouse.state("songs") != other.state("songs")


def test_a_missing_table_names_the_job(spark: SparkSession, warehouse: Warehouse) -> None:
    with pytest.raises(DataContractError, match=r"ratings: not there.*jobs/ingest\.py"):
        warehouse.read(spark, "ratings")
    with pytest.raises(DataContractError, match=r"raw\.folder=DIR"):
        warehouse.require("raw/")


def test_another_schema_is_refused(spark: SparkSession, warehouse: Warehouse) -> None:
    wrong = ratings(spark, ROWS).withColumn("rating", F.lit(5).cast("long"))
    with pytest.raises(DataContractError, match=r"rating.*bigint"):
        warehouse.write(wrong, "ratings")
    wrong.write.format("delta").save(str(warehouse.path("ratings")))
    with pytest.raises(DataContractError, match="table ratings: columns"):
        warehouse.read(spark, "ratings")
    with pytest.raises(DataContractError, match="table ratings: columns"):
        warehouse.load("ratings")


def xxhash64(*values: int) -> int:
    """Spark's xxhash64 of int columns: the published hash of four bytes, each seeding the next."""
    mask, found = 2**64 - 1, 42
    primes = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5
    for value in values:
        found = found + primes[3] + 4 & mask ^ value * primes[0] & mask
        found = (found << 23 | found >> 41) & mask
        found = found * primes[1] + primes[2] & mask
        found = (found ^ found >> 33) * primes[1] & mask
        found = (found ^ found >> 29) * primes[2] & mask
        found ^= found >> 32
    return found


def test_identity_is_of_the_rows_only(spark: SparkSession) -> None:
    frame = ratings(spark, ROWS)
    hashes = [xxhash64(user, song, rating - 1) for user, song, rating in ROWS]
    halves = sum(h >> 32 for h in hashes), sum(h & 0xFFFFFFFF for h in hashes)
    assert identity(frame) == {"train": Identity(3, f"{halves[0]:016x}{halves[1]:016x}")}
    same = identity(frame.orderBy("rating").repartition(3))
    assert identity(frame) == same
    assert same["train"] == IDENTITY
    for other in (ROWS[:2], [*ROWS, ROWS[0]], [(1, 2, 4), *ROWS[1:]], [(2, 2, 5), *ROWS[1:]]):
        assert identity(ratings(spark, other))["train"].hash != same["train"].hash


def test_the_hash_is_of_levels_whatever_their_type(spark: SparkSession) -> None:
    whole = ratings(spark, ROWS)
    for kind in ("tinyint", "int", "double"):
        # A cast takes the scale away; the values of these tell it.
        assert identity(whole.withColumn("rating", F.col("rating").cast(kind))) == identity(whole)
    halves = [(user, song, rating / 2) for user, song, rating in ROWS]
    assert identity(ratings(spark, halves, scale=Scale(0.5, 2.5, 0.5))) == identity(whole)


@pytest.mark.parametrize("rating", [4.5, 0, 6, float("nan"), None])
def test_ratings_off_their_scale_have_no_hash(spark: SparkSession, rating: float | None) -> None:
    with pytest.raises(DataContractError, match="1 of 3 are off their scale"):
        identity(ratings(spark, [*ROWS[:2], (2, 2, rating)]))


def test_the_table_keeps_the_scale(spark: SparkSession, warehouse: Warehouse) -> None:
    halves = Scale(0.5, 5, 0.5)
    for scale in (R2, halves):
        warehouse.write(ratings(spark, ROWS, scale=scale), "ratings")
        assert (warehouse.scale(), scale_of(warehouse.read(spark, "ratings"))) == (scale, scale)
    reader = Warehouse(warehouse.root)
    reader.pin("ratings")
    plain = ratings(spark, ROWS).withColumn("rating", F.lit(3).cast("float"))
    warehouse.write(plain, "ratings")
    assert reader.scale() == halves
    with pytest.raises(DataContractError, match=r"no scale; run jobs/ingest\.py again"):
        warehouse.scale()


def test_a_table_of_an_earlier_schema_is_replaced(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    old = ratings(spark, ROWS).withColumn("rating", F.col("rating").cast("tinyint"))
    for table_ in ("ratings", "songs"):
        old.write.format("delta").save(str(warehouse.path(table_)))
    warehouse.write(ratings(spark, ROWS), "ratings")
    warehouse.save([], "songs")
    assert warehouse.load("ratings").num_rows == 3
    assert warehouse.load("songs").num_rows == 0


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("rating", "string"),
        ("rating", "decimal(3,1)"),
        ("song_id", "bigint"),
        ("user_id", "string"),
    ],
)
def test_only_numbers_are_hashed(spark: SparkSession, column: str, kind: str) -> None:
    frame = ratings(spark, ROWS).withColumn(column, F.col(column).cast(kind))
    with pytest.raises(DataContractError, match=rf"{column} is {re.escape(kind)}, expected.* int"):
        identity(frame)
