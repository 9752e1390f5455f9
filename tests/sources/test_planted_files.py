"""R2's files: their layout, the same bytes on any number of cores, never half a set."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from on_disk import Warehouse
from pyspark.sql import SparkSession

from jobs import generate_r2
from ymr_spark.errors import DataContractError, EnvironmentProblem, SettingsError
from ymr_spark.pipeline.settings import Planted, Settings
from ymr_spark.sources.planted import generation, truth, world
from ymr_spark.sources.planted.size import Size

SIZE = Size(users=600, songs=200, train_ratings=12_000, parts=2, cold_song_share=0.02)
SEED = 3


@pytest.fixture(scope="module")
def raw(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "raw"
    generation.generate(spark, folder, SEED, SIZE)
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def ratings(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", names=["user", "song", "rating"])


def test_files_have_r2s_names_and_nothing_is_left_over(raw: Path) -> None:
    parts = {f"{split}_{part}.txt" for split in ("train", "test") for part in (0, 1)}
    attributes = {"song-attributes.txt", "genre-hierarchy.txt"}
    by_part = {f"truth{of}_{part}.parquet" for of in ("", "_lists") for part in (0, 1)}
    truths = {"truth.json", *by_part}
    assert {p.name for p in raw.iterdir()} == parts | attributes | truths
    assert [p.name for p in raw.parent.iterdir()] == ["raw"]


@pytest.mark.parametrize("part", [0, 1])
def test_ratings_have_r2s_layout(raw: Path, part: int) -> None:
    train, test = (ratings(raw / f"{split}_{part}.txt") for split in ("train", "test"))
    assert len(train) == 12_000
    for frame in (train, test):
        keys = frame.user.to_numpy() * SIZE.songs + frame.song.to_numpy()
        assert (np.diff(keys) > 0).all()  # users, then songs, ascending; none twice
        assert frame.rating.between(1, 5).all()
        assert frame.song.between(0, SIZE.songs - 1).all()
        assert frame.user.unique().tolist() == list(range(600 * part, 600 * (part + 1)))
    assert (test.user.value_counts() == 10).all()
    assert train.user.value_counts().min() >= 10
    assert test.merge(train, on=["user", "song"]).empty


def test_truth_counts_what_is_in_the_files(raw: Path) -> None:
    truth = json.loads((raw / "truth.json").read_text())
    train, test = (
        pd.concat([ratings(raw / f"{split}_{part}.txt") for part in (0, 1)])
        for split in ("train", "test")
    )
    assert (truth["train_rows"], truth["test_rows"]) == (len(train), len(test))
    cold = test.song.isin(truth["cold_songs"])
    assert len(truth["cold_songs"]) == 4
    assert not train.song.isin(truth["cold_songs"]).any()
    slices = truth["slices"]
    assert slices["cold_songs"]["rows"] == cold.sum() > 0
    total = sum(slices[s]["rows"] * slices[s]["floor_mse"] for s in ("cold_songs", "warm_songs"))
    assert total / len(test) == pytest.approx(truth["floor_mse"])
    assert 1 < truth["floor_mse"] < 1.5


def test_the_floor_of_each_test_row(raw: Path) -> None:
    truth = json.loads((raw / "truth.json").read_text())
    floors = [pd.read_parquet(raw / f"truth_{part}.parquet") for part in (0, 1)]
    for part, floor in enumerate(floors):
        test = ratings(raw / f"test_{part}.txt")
        assert floor.user_id.tolist() == test.user.tolist()
        assert floor.song_id.tolist() == test.song.tolist()
    everything = pd.concat(floors)
    assert everything.variance.mean() == pytest.approx(truth["floor_mse"], abs=1e-6)
    cold = everything[everything.song_id.isin(truth["cold_songs"])]
    assert cold.variance.mean() == pytest.approx(truth["slices"]["cold_songs"]["floor_mse"])


def test_songs_and_genres(raw: Path) -> None:
    songs = pd.read_csv(raw / "song-attributes.txt", sep="\t", header=None)
    genres = pd.read_csv(raw / "genre-hierarchy.txt", sep="\t", header=None)
    assert songs[0].tolist() == list(range(SIZE.songs))
    assert songs.groupby(1)[2].nunique().max() == 1  # an album has one artist
    assert genres[0].tolist() == list(range(216))
    assert genres[2].value_counts().to_dict() == {1: 20, 2: 130, 3: 66}
    assert songs[3].isin(genres[0]).all()
    assert genres.loc[141, 3] == "Country"
    assert "Música Latina" in set(genres[3])


def test_one_core_writes_the_same_bytes(raw: Path, tmp_path: Path) -> None:
    conf = tmp_path / "conf.yaml"
    defaults = Path("tests/spark.conf").read_text().replace("local[2,2]", "local[1]")
    assert "local[1]" in defaults
    (tmp_path / "spark.conf").write_text(defaults)
    planted = Planted(**vars(SIZE)).model_dump_json()
    conf.write_text(
        f"warehouse: {tmp_path}\nseed: {SEED}\nspark_defaults: {tmp_path / 'spark.conf'}\n"
        f"raw: {{folder: {tmp_path / 'raw'}}}\nplanted: {planted}\n"
    )
    job = [sys.executable, generate_r2.__file__, "--conf", str(conf)]
    # This process has told its own Spark of two cores, in variables that a child would inherit.
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SPARK_", "PYSPARK_"))}
    done = subprocess.run(job, capture_output=True, text=True, check=True, env=clean)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["status"], figures["rows"]) == ("done", 2 * (12_000 + 6_000))
    assert digests(tmp_path / "raw") == digests(raw)


def test_another_seed_writes_other_bytes(spark: SparkSession, raw: Path, tmp_path: Path) -> None:
    generation.generate(spark, tmp_path / "raw", SEED + 1, SIZE)
    same = set(digests(raw).items()) & set(digests(tmp_path / "raw").items())
    assert {name for name, _ in same} == {"genre-hierarchy.txt"}


def test_parts_leave_the_first_one_as_it_is(spark: SparkSession, raw: Path, tmp_path: Path) -> None:
    size = Size(**vars(SIZE) | {"parts": 1})
    generation.generate(spark, tmp_path / "raw", SEED, size)
    alone, both = digests(tmp_path / "raw"), digests(raw)
    assert {alone[n] == both[n] for n in ("train_0.txt", "test_0.txt")} == {True}


def test_the_last_of_ten_parts_has_the_users_that_are_left() -> None:
    size = Size(200_000, 136_736, 76_344_627, 10, 0.01)
    users, ratings = zip(*(size.of_part(part) for part in range(10)), strict=True)
    assert sum(users) == 1_823_179
    assert ratings[:9] == (76_344_627,) * 9
    assert ratings[9] == round(76_344_627 * 23_179 / 200_000)
    assert size.rows == sum(ratings) + 18_231_790


def test_a_run_that_fails_leaves_the_last_files(
    spark: SparkSession, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = Size(users=40, songs=120, train_ratings=600, parts=1, cold_song_share=0.02)
    generation.generate(spark, warehouse.raw, SEED, size)
    before = digests(warehouse.raw)

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(truth, "summary", fail)
    with pytest.raises(OSError, match="no space"):
        generation.generate(spark, warehouse.raw, SEED + 1, size)
    assert digests(warehouse.raw) == before
    assert [p.name for p in warehouse.raw.parent.iterdir()] == ["raw"]
    monkeypatch.undo()
    generation.generate(spark, warehouse.raw, SEED, size)
    assert digests(warehouse.raw) == before
    assert [p.name for p in warehouse.raw.parent.iterdir()] == ["raw"]


def test_a_run_killed_between_two_renames_is_mended(
    spark: SparkSession, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = warehouse.raw.with_name(".raw.replaced")
    aside.mkdir(parents=True)
    (aside / "truth.json").write_text("{}")
    monkeypatch.setattr(generation, "of_songs", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        generation.generate(spark, warehouse.raw, SEED, SIZE)
    assert (warehouse.raw / "truth.json").read_text() == "{}"


def test_files_that_were_not_planted_are_left_alone(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "train_0.txt").write_text("0\t1\t5\n")
    with pytest.raises(DataContractError, match=r"truth\.json"):
        generation.generate(spark, tmp_path, SEED, SIZE)
    assert (tmp_path / "train_0.txt").read_text() == "0\t1\t5\n"


def test_a_folder_among_planted_files_is_left_alone(spark: SparkSession, tmp_path: Path) -> None:
    for planted in ("truth.json", "truth_0.parquet", "train_0.txt", ".DS_Store"):
        (tmp_path / planted).touch()
    (tmp_path / "warehouse").mkdir()
    with pytest.raises(DataContractError, match="raw: warehouse: not planted"):
        generation.generate(spark, tmp_path.rename(tmp_path.with_name("raw")), SEED, SIZE)


def test_clutter_is_in_nobodys_way(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".DS_Store").touch()
    monkeypatch.setattr(world, "plant", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        generation.generate(spark, tmp_path, SEED, SIZE)


def test_a_disk_too_small_is_found_first(spark: SparkSession, tmp_path: Path) -> None:
    size = Size(10**9, 1_000, 10**15, 1, 0.01)
    with pytest.raises(EnvironmentProblem, match="GB free"):
        generation.generate(spark, tmp_path / "raw", SEED, size)


def test_ratings_that_do_not_fit_are_a_settings_error(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    settings = Settings(planted=Planted(users=100, songs=100, train_ratings=900))
    with pytest.raises(SettingsError, match="900 train ratings for 100 users"):
        generate_r2.run(spark, warehouse, settings)
    assert not warehouse.raw.exists()
