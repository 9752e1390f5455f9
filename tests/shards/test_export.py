import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shard_files
import told
from builders import table
from on_disk import Warehouse
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import export_shards, train
from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.packing import by_user
from ymr_spark.pipeline.settings import Settings
from ymr_spark.ratings import identity
from ymr_spark.shards import export, indices, inventory, row_group_files

USERS, SONGS = 30, 40
SETTINGS = Settings.model_validate({"shards": {"row_group_rows": 100, "row_groups_multiple": 4}})
# Song 90 has no attributes; song 91 is rated in validation only.
BARE, COLD = 90, 91


def rows_of(seed: int) -> list[tuple[int, int, int, str, int]]:
    random = np.random.default_rng(seed)
    pairs = np.argwhere(random.random((USERS, SONGS)) < 0.7) * (3, 2) + (5, 1)
    splits = random.choice(["train", "validation", "test"], len(pairs), p=[0.8, 0.1, 0.1])
    stars = random.integers(1, 6, len(pairs))
    rows = [
        (int(u), int(s), int(r), str(p), 0)
        for (u, s), r, p in zip(pairs, stars, splits, strict=True)
    ]
    return [*rows, (5, BARE, 4, "train", 0), (5, COLD, 2, "validation", 0), (8, COLD, 3, "test", 0)]


@pytest.fixture(scope="module")
def filled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse as ingest leaves it, and its shards."""
    warehouse = Warehouse(tmp_path_factory.mktemp("shards"))
    warehouse.write(table(spark, "ratings", rows_of(1)), "ratings")
    songs = [(s, s // 4, s // 8, s % 3) for s in range(1, 2 * SONGS, 2)]
    warehouse.write(table(spark, "songs", [*songs, (COLD, 0, 1, 2)]), "songs")
    genres = [(0, 0, 1, "Unknown", 0), (1, 1, 1, "Rock", 1), (2, 1, 2, "Hard Rock", 1)]
    warehouse.write(table(spark, "genres", genres), "genres")
    measure(spark, warehouse)
    told.packed(spark, warehouse)
    export_shards.run(spark, warehouse, SETTINGS)
    return warehouse


def measure(spark: SparkSession, warehouse: Warehouse) -> None:
    """The manifest of ingest."""
    splits = identity(warehouse.read(spark, "ratings"))
    told.write(warehouse, "ingest", told.ingested(splits, warehouse.pin("ratings")))


def split_of(spark: SparkSession, warehouse: Warehouse, split: str) -> DataFrame:
    return spark.read.parquet(str(warehouse.path("shards/") / split)).withColumn(
        "split", F.lit(split)
    )


def test_shards_hold_the_tables_rows(spark: SparkSession, filled: Warehouse) -> None:
    contents = inventory.verify(filled.path("shards/"), filled.pin("ratings"))
    expected = identity(filled.read(spark, "ratings"))
    assert contents.splits.keys() == {"train", "validation"}
    for split, found in contents.splits.items():
        assert Identity(found.rows, found.hash) == expected[split]
        assert identity(split_of(spark, filled, split)) == {split: expected[split]}
    train = [row for row in rows_of(1) if row[3] == "train"]
    assert contents.splits["train"].mean_rating == pytest.approx(np.mean([row[2] for row in train]))


def test_row_groups_are_equal(filled: Warehouse) -> None:
    contents = inventory.verify(filled.path("shards/"))
    for split, found in contents.splits.items():
        sizes = list(found.row_groups.values())
        assert len(sizes) % 4 == 0
        assert max(sizes) - min(sizes) <= 1
        files = sorted(filled.path("shards/").glob(f"{split}/*"))
        assert [f"{split}/{file.name}" for file in files] == list(found.row_groups)
        footers = [pq.read_metadata(file) for file in files]
        assert [(f.num_rows, f.num_row_groups) for f in footers] == [(n, 1) for n in sizes]
    assert len(contents.splits["train"].row_groups) == 8


def test_indices_by_hand(spark: SparkSession, filled: Warehouse) -> None:
    train = split_of(spark, filled, "train")
    rows = {(r.user_id, r.song_id): r for r in train.collect()}
    users, songs = (np.unique([key[i] for key in rows]) for i in (0, 1))
    for (user, song), row in rows.items():
        assert users[row.user_index - 1] == user
        assert songs[row.song_index - 1] == song
    # Song 7: album 1, artist 0, genre 1, which are the second, first and second of their kind.
    seven = next(row for row in rows.values() if row.song_id == 7)
    attributes = ("album_index", "artist_index", "genre_index", "top_genre_index", "level")
    assert [seven[name] for name in attributes] == [2, 1, 2, 2, 1]
    assert [rows[5, BARE][name] for name in attributes] == [0] * 5
    cold = split_of(spark, filled, "validation").where(F.col("song_id") == COLD).collect()[0]
    assert [cold[name] for name in ("user_index", "song_index", *attributes)] == [
        1,
        1 + len(songs),  # it has an id above all of train
        1,
        2,
        3,
        2,
        2,
    ]
    saved = np.load(filled.path("shards/") / "indices" / "user.npy")
    np.testing.assert_array_equal(saved, users)
    assert saved.dtype == np.int32


def test_only_the_files_of_the_contract_are_there(filled: Warehouse) -> None:
    folder = filled.path("shards/")
    assert {p.name for p in folder.iterdir()} == {
        "inventory.json",
        "indices",
        "train",
        "validation",
    }
    assert {p.suffix for p in folder.rglob("*") if p.is_file()} == {".json", ".npy", ".parquet"}


def test_files_do_not_depend_on_partitions(
    spark: SparkSession, filled: Warehouse, tmp_path: Path
) -> None:
    songs, genres = filled.load("songs"), filled.load("genres")
    ratings = filled.read(spark, "ratings").where(F.col("split") == "train")
    other = by_user(ratings.orderBy(F.desc("rating"), F.desc("user_id")).repartition(5, "song_id"))
    index = indices.build(other, songs, genres)
    folders = [tmp_path / str(seed) / "train" for seed in (1, 2)]
    for seed, folder in enumerate(folders, start=1):
        folder.mkdir(parents=True)
        row_group_files.write(other, export.ordered(other, 8, seed), index, folder)
    expected = filled.path("shards/") / "train"
    assert inventory.files_of(folders[0]) == inventory.files_of(expected)
    groups = [pq.read_table(folder / row_group_files.name(0)) for folder in folders]
    one, two = ({(r["user_id"], r["song_id"]) for r in group.to_pylist()} for group in groups)
    assert len(one & two) < 0.5 * len(one)


def test_the_order_is_that_of_the_hash(spark: SparkSession, filled: Warehouse) -> None:
    train = filled.read(spark, "ratings").where(F.col("split") == "train")
    key = F.xxhash64("user_id", "song_id", F.lit(SETTINGS.seed))
    expected = train.orderBy(key).select("user_id", "song_id").collect()
    files = sorted((filled.path("shards/") / "train").glob("*"))
    found = pa.concat_tables(pq.read_table(file) for file in files).to_pylist()
    assert [(r["user_id"], r["song_id"]) for r in found] == [tuple(row) for row in expected]


def test_order_is_random_to_users_and_ratings(filled: Warehouse) -> None:
    rows = pq.read_table(filled.path("shards/") / "train").to_pandas()
    half = len(rows) // 2
    assert abs(rows["user_id"][:half].mean() - rows["user_id"][half:].mean()) < 5
    assert rows["user_id"].diff().abs().median() > 15


@pytest.mark.parametrize(("rows", "groups"), [(1000, 8), (7, 4), (5, 4), (4, 4)])
def test_row_group_count(rows: int, groups: int) -> None:
    assert (
        export.row_group_count("train", rows, row_group_rows=131, row_groups_multiple=4) == groups
    )


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataContractError, match="validation: 3 rows cannot fill 4 row groups"):
        export.row_group_count("validation", 3, row_group_rows=100, row_groups_multiple=4)


def test_rows_that_differ_from_the_measured_ones_leave_the_old_shards(
    spark: SparkSession, filled: Warehouse, tmp_path: Path
) -> None:
    before = inventory.files_of(filled.path("shards/"))
    told_by = [filled.root / "runs" / "r" / f"{stage}.json" for stage in ("ingest", "pack")]
    originals = [manifest.read_text() for manifest in told_by]
    for manifest, original in zip(told_by, originals, strict=True):
        figures = json.loads(original)
        figures["splits"]["validation"]["hash"] = "0" * 32
        manifest.write_text(json.dumps(figures))
    try:
        with pytest.raises(DataContractError, match=r"validation: .* rows of hash"):
            export_shards.run(spark, filled, SETTINGS)
    finally:
        for manifest, original in zip(told_by, originals, strict=True):
            manifest.write_text(original)
    assert inventory.files_of(filled.path("shards/")) == before


@pytest.mark.parametrize(("name", "damage", "expected"), shard_files.DAMAGES)
def test_training_refuses_damaged_shards_before_its_first_step(
    spark: SparkSession,
    filled: Warehouse,
    tmp_path: Path,
    name: str,
    damage: Callable[[Path], object],
    expected: str,
) -> None:
    warehouse = Warehouse(shutil.copytree(filled.root, tmp_path / "copy"))
    damage(warehouse.path("shards/") / name)
    with pytest.raises(DataContractError, match=rf"{name}.*{expected}.*export_shards") as refusal:
        train.run(spark, warehouse, SETTINGS, "two_tower_dot")
    assert refusal.value.exit_code == 3
    assert not (warehouse.root / "models").exists()


def test_training_refuses_shards_of_another_version(
    spark: SparkSession, filled: Warehouse, tmp_path: Path
) -> None:
    warehouse = Warehouse(shutil.copytree(filled.root, tmp_path / "copy"))
    warehouse.write(warehouse.read(spark, "ratings"), "ratings")
    with pytest.raises(DataContractError, match=r"made from version 0 .* expected version 1"):
        train.run(spark, warehouse, SETTINGS, "two_tower_dot")
    assert not (warehouse.root / "models").exists()
