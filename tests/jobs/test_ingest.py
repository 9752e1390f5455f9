import os
from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from on_disk import Warehouse
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from raw_files import FAULTS, GENRES, faulty, ratings, write

from jobs import ingest
from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.pipeline.settings import Ingest, Settings
from ymr_spark.ratings import identity
from ymr_spark.records.figures import Ingested
from ymr_spark.records.line_counts import LineCounts
from ymr_spark.scale import Scale
from ymr_spark.sources.r2 import attributes, files, ingestion
from ymr_spark.sources.r2.scale import R2
from ymr_spark.sources.r2.unit_rows import ValidationRule
from ymr_spark.sources.reasons import Reason

SETTINGS = Settings(ingest=Ingest(max_quarantine_share=0.05))


def kept(spark: SparkSession, warehouse: Warehouse) -> set[tuple[int, int, int, str]]:
    rows = warehouse.read(spark, "ratings").drop("part").collect()
    assert len(rows) == len(set(rows))
    return {tuple(row) for row in rows}


def values(lines: list[bytes]) -> list[tuple[int, ...]]:
    return [tuple(map(int, line.split())) for line in lines]


def test_40_faults_of_every_kind_in_100_000_lines(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    train, test = ratings(users=1_000, per_user=101, seed=1)
    good_train, good_test = list(train), list(test)
    random = np.random.default_rng(1)
    planted: dict[Reason, set[bytes]] = {}
    for reason in (*FAULTS, Reason.BAD_UTF8):
        planted[reason] = set()
        for n in range(40):
            line = faulty(reason, n)
            train.insert(int(random.integers(1, len(train))), line + b"\n")
            planted[reason].add(line)
    # A row again later in the user's lines, and a test row of the user also in train; at the
    # user's end, so that a user's first line still comes first.
    users = random.choice(1_000, 80, replace=False).tolist()
    last = {int(line.split(b"\t")[0]): line for line in good_train}
    tested = {int(line.split(b"\t")[0]): line for line in good_test}
    for n, user in enumerate(users):
        reason = Reason.DUPLICATE if n < 40 else Reason.TRAIN_AND_TEST
        line = last[user] if n < 40 else tested[user]
        train.insert(train.index(last[user]) + 1, line)
        planted.setdefault(reason, set()).add(line.rstrip(b"\n"))
    lines = len(train)
    assert lines > 100_000
    write(warehouse.raw, b"".join(train), b"".join(test))

    figures = ingest.run(spark, warehouse, SETTINGS)

    assert figures.files["train_0.txt"] == LineCounts(
        lines, len(good_train), {str(reason): 40 for reason in sorted(planted)}
    )
    found: dict[str, set[str]] = {}
    text = b"".join(train)
    for row in warehouse.read(spark, "quarantine").collect():
        raw = row["raw"].encode() if row["reason"] != Reason.BAD_UTF8 else None
        end = text.index(b"\n", row["offset"])
        assert raw is None or text[row["offset"] : end] == raw
        found.setdefault(row["reason"], set()).add(row["raw"])
    for reason, raws in planted.items():
        assert found[reason] == {raw.decode(errors="backslashreplace") for raw in raws}
    rows = kept(spark, warehouse)
    assert {row[:3] for row in rows if row[3] != "test"} == set(values(good_train))
    assert {row[:3] for row in rows if row[3] == "test"} == set(values(good_test))


def test_half_stars(spark: SparkSession, warehouse: Warehouse) -> None:
    text = b"1\t1\t0.5\n1\t2\t5\n1\t3\t4.0\n2\t1\t3.5\n2\t2\t3.25\n"
    write(warehouse.raw, text, b"1\t4\t2.5\n")
    scale = {"lowest": 0.5, "highest": 5, "step": 0.5}
    settings = Settings.model_validate({"scale": scale, "ingest": {"max_quarantine_share": 0.5}})
    figures = ingest.run(spark, warehouse, settings)
    assert figures.files["train_0.txt"] == LineCounts(5, 4, {"rating_off_the_scale": 1})
    rated = {row[:3] for row in kept(spark, warehouse)}
    assert rated == {(1, 1, 0.5), (1, 2, 5.0), (1, 3, 4.0), (2, 1, 3.5), (1, 4, 2.5)}
    assert warehouse.scale() == Scale(**scale)


@pytest.fixture(scope="module")
def lines() -> tuple[list[bytes], list[bytes]]:
    """60 users of train and test, with a row twice in train and one in train and test."""
    train, test = ratings(users=60, per_user=40, seed=3)
    return [*train[:5], train[4], *train[5:], test[-1]], test


@pytest.fixture(scope="module")
def ingested(
    spark: SparkSession,
    tmp_path_factory: pytest.TempPathFactory,
    lines: tuple[list[bytes], list[bytes]],
) -> tuple[Warehouse, Ingested]:
    """The warehouse and figures of the plain sorted files."""
    root = tmp_path_factory.mktemp("ingested")
    raw = write(root / "raw", b"".join(lines[0]), b"".join(lines[1]))
    with (raw / "song-attributes.txt").open("ab") as songs:
        songs.write(b"broken\n")
    warehouse = Warehouse(root, raw)
    return warehouse, ingest.run(spark, warehouse, SETTINGS)


def splits(spark: SparkSession, folder: Path, seed: int = 1) -> dict[str, Identity]:
    """Rows and hash of each split that ingest would write."""
    audited = ingestion.audited(spark, files.find(folder), np.ones(500, bool), R2)
    reasons = [r for file in audited.findings.quarantined.values() for r in file.items()]
    assert sorted(reasons) == [("duplicate", 1), ("in_train_and_test", 1)]
    return identity(ingestion.ratings(audited, ValidationRule(10, 0.2, seed)))


@pytest.mark.parametrize("layout", [".gz", ".bz2", "shuffled", "many ranges", "two parts", "CRLF"])
def test_the_same_rows_in_any_layout(
    spark: SparkSession,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    lines: tuple[list[bytes], list[bytes]],
    ingested: tuple[Warehouse, Ingested],
    layout: str,
) -> None:
    train, test = lines
    if layout == "many ranges":
        monkeypatch.setattr(ingestion, "SMALLEST_RANGE", 2_000)
    if layout == "shuffled":
        random = np.random.default_rng(1)
        train, test = (list(random.permutation(side)) for side in (train, test))
    if end := {"CRLF": b"\r\n", ".gz": b"\r"}.get(layout):
        train, test = ([line.replace(b"\n", end) for line in side] for side in (train, test))
        train, test = ([BOM_UTF8, *side] for side in (train, test))
    if layout == "two parts":
        # Users 0..29 in part 1; user 59's rows lie in both parts.
        cut, cut_test = 700, 300
        write(warehouse.raw, b"".join([*train[:cut], *train[-9:]]), b"".join(test[:cut_test]), 0)
        train, test = train[cut:-9], test[cut_test:]
        write(warehouse.raw, b"".join(train), b"".join(test), 1, separator="-")
    else:
        suffix = layout if layout.startswith(".") else ""
        write(warehouse.raw, b"".join(train), b"".join(test), suffix=suffix)
    assert splits(spark, warehouse.raw) == ingested[1].splits


def test_each_user_lies_whole_and_contiguous_in_one_file(
    spark: SparkSession, warehouse: Warehouse, lines: tuple[list[bytes], list[bytes]]
) -> None:
    write(warehouse.raw, b"".join(lines[0]), b"".join(lines[1]))
    raw = files.find(warehouse.raw)
    audited = ingestion.audited(spark, raw, np.ones(500, bool), R2, range_bytes=4_000)
    warehouse.write(ingestion.ratings(audited, ValidationRule(10, 0.2, 1)), "ratings")
    seen: set[tuple[str, int]] = set()
    paths = list(warehouse.path("ratings").glob("split=*/part=0/*.parquet"))
    assert len(paths) > 3
    for path in paths:
        user = pq.read_table(path)["user_id"].to_numpy()
        assert (np.diff(user) >= 0).all()
        users = {(path.parent.parent.name, int(u)) for u in user}
        assert not users & seen
        seen |= users
    assert len(seen) == 180


def test_another_seed(
    spark: SparkSession, warehouse: Warehouse, lines: tuple[list[bytes], list[bytes]]
) -> None:
    folder = write(warehouse.raw, b"".join(lines[0]), b"".join(lines[1]))
    one, two = (splits(spark, folder, seed) for seed in (1, 2))
    assert one["test"] == two["test"]
    assert one["train"].rows == two["train"].rows
    assert one["train"].hash != two["train"].hash


def test_what_is_written(
    spark: SparkSession,
    ingested: tuple[Warehouse, Ingested],
    lines: tuple[list[bytes], list[bytes]],
) -> None:
    warehouse, figures = ingested
    ratings_ = warehouse.read(spark, "ratings")
    assert identity(ratings_) == ingested[1].splits
    assert figures.rows == len(lines[0]) + len(lines[1]) - 2
    assert figures.ratings_version == warehouse.version("ratings") == 0
    # train, validation and test are disjoint
    assert ratings_.select("user_id", "song_id").distinct().count() == figures.rows
    held_out = F.count_if(F.col("split") == "validation").alias("held_out")
    of_train_files = ratings_.where("split != 'test'").groupBy("user_id")
    users = of_train_files.agg(F.count("*").alias("rows"), held_out).collect()
    assert len(users) == 60
    # Ten of a user's rows, but not more than a fifth of them.
    assert all(row["held_out"] == min(10, row["rows"] // 5) for row in users)
    assert warehouse.read(spark, "songs").count() == 500
    tops = warehouse.read(spark, "genres").select("genre_id", "top_genre_id").collect()
    assert sorted(map(tuple, tops)) == [(0, 0), (1, 1), (2, 1), (3, 1)]
    row = warehouse.read(spark, "quarantine").where("file = 'song-attributes.txt'").first()
    assert row is not None
    assert (row["raw"], row["reason"]) == ("broken", "wrong_number_of_fields")


def truncate(path: Path) -> None:
    packed = path.read_bytes()
    path.write_bytes(packed[: len(packed) // 2])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: truncate(f / "train_0.txt.gz"), r"train_0\.txt\.gz: cannot be read"),
        (lambda f: (f / "test_0.txt.gz").write_bytes(b""), r"test_0\.txt\.gz"),
        (lambda f: (f / "genre-hierarchy.txt").write_bytes(GENRES + b"9\t8\t1\tA\n"), "parent 8"),
        (lambda f: write(f, b"1\t2\t3\n" * 50, b"1\t1\t1\n", suffix=".gz"), "max_quarantine_share"),
        (lambda f: write(f, b"1\t2\t3\n2\t2\t3\n", b"1\t1\t1\n", suffix=".gz"), "two train rows"),
        (
            lambda f: (f / "song-attributes.txt").write_text("1\t0\t0\t0\n2\t0\t0\t7\n"),
            r"1 of 2 songs .*\[\(7, 1\)\]",
        ),
        (lambda f: (f / "train_1.txt.xz").touch(), "train_1.txt.xz would be left out"),
        (lambda f: write(f, b"x" * 3_000_000, b"1\t1\t1\n", suffix=".gz"), "no line feed"),
        (
            lambda f: (f / "song-attributes.txt").write_text("0\t0\t0\t0\nx\ny\n"),
            r"song-attributes\.txt.*wrong_number_of_fields",
        ),
    ],
)
def test_broken_input_touches_no_table(
    spark: SparkSession, warehouse: Warehouse, damage: Callable[[Path], object], words: str
) -> None:
    train, test = ratings(users=5, per_user=20, seed=1)
    write(warehouse.raw, b"".join(train), b"".join(test), suffix=".gz")
    tables = ("ratings", "songs", "genres", "quarantine")
    for table in tables:
        (warehouse.path(table) / "_delta_log").mkdir(parents=True)
    damage(warehouse.raw)
    with pytest.raises(DataContractError, match=words):
        ingest.run(spark, warehouse, SETTINGS)
    assert not [*warehouse.root.rglob("*.json"), *warehouse.root.rglob("*.parquet")]


def test_input_that_changes_after_the_audit_is_not_committed(
    spark: SparkSession, warehouse: Warehouse, lines: tuple[list[bytes], list[bytes]]
) -> None:
    write(warehouse.raw, b"".join(lines[0]), b"".join(lines[1]))
    raw = files.find(warehouse.raw)
    songs = attributes.read_songs(raw.songs, attributes.read_genres(raw.genres))
    audited = ingestion.audited(spark, raw, songs.known(), R2)
    with (warehouse.raw / "train_0.txt").open("ab") as train:
        train.write(b"70\t1\t1\n")
    with pytest.raises(DataContractError, match=r"train_0\.txt: changed"), raw.watched():
        warehouse.write(ingestion.ratings(audited, ValidationRule(10, 0.2, 1)), "ratings")
    assert warehouse.version("ratings") is None


def test_rows_that_differ_from_the_audit_are_not_committed(
    spark: SparkSession, warehouse: Warehouse, lines: tuple[list[bytes], list[bytes]]
) -> None:
    path = write(warehouse.raw, b"".join(lines[0]), b"".join(lines[1])) / "train_0.txt"
    raw = files.find(warehouse.raw)
    audited = ingestion.audited(spark, raw, np.ones(500, bool), R2)
    before = path.stat()
    changed = path.read_bytes().replace(b"\n30\t", b"\nx0\t")
    path.write_bytes(changed)  # the same size, and the time set back
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DataContractError, match="were audited"), raw.watched():
        warehouse.write(ingestion.ratings(audited, ValidationRule(10, 0.2, 1)), "ratings")
    assert warehouse.version("ratings") is None
