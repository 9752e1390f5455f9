"""The job's table, figures and files on a small catalogue half of which nobody has rated."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import told
from builders import ratings
from on_disk import Warehouse
from pyspark.sql import SparkSession

from jobs import recommend
from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.identity import Identity
from ymr_spark.lists import lists
from ymr_spark.models import topk
from ymr_spark.models.arrays import Floats
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.pipeline import list_choice
from ymr_spark.pipeline.list_choice import Choice
from ymr_spark.pipeline.settings import Recommend, Settings
from ymr_spark.records.figures import Recommended
from ymr_spark.schemas import RECOMMENDATIONS
from ymr_spark.sources.r2.scale import R2

USERS, RATED, SONGS = 40, 60, 120  # songs from RATED on have no ratings
EVERYTHING = 7  # the user who has rated all that can be rated
ROWS = [
    (user, song, 1 + (user + song) % 5)
    for user in range(USERS)
    for song in range(RATED)
    if user == EVERYTHING or (user + song) % 4
]
ARTIST = {song: song // 3 for song in range(SONGS)}
REGISTERED = {
    **{"mean": 3.0, "link": "clip", "fallback": None, **asdict(R2)},
    **{"train_rows": len(ROWS), "train_hash": "f", "chosen_on_rows": len(ROWS)},
    **{"chosen_on_hash": "f"},
    **{"ratings_version": 0, "fit_seconds": 1.0, "parameters": "{}"},
}
GENRE = {song: 3 if song % 3 else 1 for song in range(SONGS)}  # 3 is below 2


def model(name: str, songs: int, offsets: float | Floats = 0.0, rank: int = 0) -> FactorModel:
    random = np.random.default_rng(1)
    return FactorModel(
        name,
        3.0,
        np.arange(USERS, dtype=np.int32),
        np.zeros(USERS),
        random.normal(size=(USERS, rank)).astype(np.float32),
        np.arange(songs, dtype=np.int32),
        np.broadcast_to(offsets, songs).astype(np.float64),
        random.normal(size=(songs, rank)).astype(np.float32),
        R2,
    )


Judged = list[tuple[FactorModel, dict[str, float]]]  # the MSE by split


def publish(warehouse: Warehouse, models: Judged) -> None:
    for fitted, _ in models:
        for part, rows in fitted.tables().items():
            warehouse.save(rows, f"{fitted.name}_{part}")
    registered = [
        {"model": m.name} | REGISTERED | {"link": m.link, "mean": m.mean} for m, _ in models
    ]
    warehouse.save(registered, "models")
    judged = [
        {"model": m.name, "split": split, "mse": mse}
        for m, scores in models
        for split, mse in scores.items()
    ]
    warehouse.save(judged, "metrics")
    lists = [
        {"model": m.name, "split": split, "ndcg_100": 1 / mse}
        for m, scores in models
        for split, mse in scores.items()
    ]
    warehouse.save(lists, "ranking")
    weights = [{"model": "most_popular", "rating_model": "bias", "weight": 0.5}]
    warehouse.save(weights, "list_weights")


POPULAR = replace(
    model("most_popular", RATED, np.log(np.arange(1, RATED + 1))), mean=0.0, link="log_chance"
)
DEEP = model("deep_cross", SONGS, rank=3)
BIAS = model("bias", RATED, np.arange(RATED) / 10)
CONSTANT = model("constant", RATED)


@pytest.fixture
def filled(spark: SparkSession, tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path)
    version = warehouse.write(ratings(spark, ROWS), "ratings")
    songs = [{"song_id": s, "album_id": 0, "artist_id": ARTIST[s]} for s in ARTIST]
    warehouse.save([song | {"genre_id": GENRE[song["song_id"]]} for song in songs], "songs")
    genres = [(1, 1, 1, "Rock", 1), (2, 2, 1, "Pop", 2), (3, 2, 2, "Soft Pop", 2)]
    keys = ("genre_id", "parent_genre_id", "level", "name", "top_genre_id")
    warehouse.save([dict(zip(keys, genre, strict=True)) for genre in genres], "genres")
    given = np.zeros((RATED, 6), int)
    np.add.at(given, tuple(np.array(ROWS)[:, 1:].T), 1)
    counts = [
        {"song_id": s, "split": "train", "rater_activity": 0} | {"counts": given[s, 1:].tolist()}
        for s in range(RATED)
    ]
    warehouse.save(counts, "summary_songs")
    by_user = np.zeros((USERS, 6), int)
    np.add.at(by_user, tuple(np.array(ROWS)[:, ::2].T), 1)
    users = [
        {"user_id": u, "split": "train", "counts": by_user[u, 1:].tolist()} for u in range(USERS)
    ]
    warehouse.save(users, "summary_users")
    measured = told.ingested({"train": Identity(len(ROWS), "f")}, version)
    told.write(warehouse, "ingest", measured)
    told.packed(spark, warehouse)
    publish(warehouse, [(DEEP, {"validation": 1.0}), (BIAS, {"validation": 2.0})])
    return warehouse


def recommended(
    spark: SparkSession, warehouse: Warehouse, **options: object
) -> tuple[Recommended, dict[int, list[int]]]:
    """The job's figures, and the songs of each user."""
    settings = Settings.model_validate({"recommend": options})
    figures = recommend.run(spark, Warehouse(warehouse.root), settings)
    lists: dict[int, list[int]] = {}
    rows = Warehouse(warehouse.root).load("recommendations")
    for row in rows.sort_by([("user_id", "ascending"), ("rank", "ascending")]).to_pylist():
        lists.setdefault(row["user_id"], []).append(row["song_id"])
    return figures, lists


def test_a_model_of_other_rows_lists_nothing(spark: SparkSession, filled: Warehouse) -> None:
    filled.save([REGISTERED | {"model": "deep_cross", "train_hash": "0e"}], "models")
    with pytest.raises(DataContractError, match=r"model deep_cross: fitted to .* hash 0e"):
        recommended(spark, filled)
    assert filled.version("recommendations") is None


def test_options_hold_for_all_songs_and_lists_end_where_the_songs_do(
    spark: SparkSession, filled: Warehouse
) -> None:
    options = {"exclude_genres": [2], "per_artist": 1, "k": 10**9, "export": "csv"}
    (filled.root / "recommendations.jsonl").mkdir()
    figures, lists = recommended(spark, filled, **options)
    heard = {(user, song) for user, song, _ in ROWS}
    allowed = {song for song in ARTIST if GENRE[song] == 1}
    for user in range(USERS):
        left = {song for song in allowed if (user, song) not in heard}
        assert set(lists[user]) <= left
        artists = [ARTIST[song] for song in lists[user]]
        assert sorted(artists) == sorted({ARTIST[song] for song in left})
    chosen = {song for songs in lists.values() for song in songs}
    assert figures.described.coverage == len(chosen) / len(allowed)
    assert figures.verified == USERS
    assert [path.name for path in filled.root.glob("recommendations.*")] == ["recommendations.csv"]


def test_lists_of_nobody_are_described(spark: SparkSession, filled: Warehouse) -> None:
    users = filled.root / "users.txt"
    options = {"users": users, "model": "bias", "k": 3, "export": "jsonl"}
    users.write_text(f"{EVERYTHING}\n")
    figures, lists = recommended(spark, filled, **options)
    assert lists == {}
    assert (figures.described.lists, figures.rows, figures.described.coverage) == (0, 0, 0)
    assert figures.described.long_tail_share is figures.described.shared is None
    assert figures.described.examples[0].recommended == {}
    assert (filled.root / "recommendations.jsonl").is_dir()
    users.write_text("\ufeff1000\n1001\n")
    figures, lists = recommended(spark, filled, **options | {"export": None})
    assert lists.keys() == {1000, 1001}
    assert (figures.described.lists, figures.verified, figures.described.coverage) == (
        2,
        0,
        3 / RATED,
    )
    assert not [*filled.root.glob("recommendations.*")]


def test_what_is_wrong_is_not_written(
    spark: SparkSession, filled: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommended(spark, filled, k=2)
    monkeypatch.setattr(topk, "violations", lambda *_: ["user 1: songs differ from brute force"])
    with pytest.raises(DataContractError, match="differ"):
        recommended(spark, filled, k=3)
    rows = Warehouse(filled.root).load("recommendations")
    assert rows.num_rows == 2 * (USERS - 1) + 2
    monkeypatch.undo()
    monkeypatch.setattr(lists, "described", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        recommended(spark, filled, k=3)
    assert Warehouse(filled.root).version("recommendations") == 0


def chosen(warehouse: Warehouse, **options: object) -> Choice:
    return list_choice.choose(Warehouse(warehouse.root), Recommend.model_validate(options))


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ([(CONSTANT, {"validation": 1, "test": 3}), (BIAS, {"validation": 2, "test": 1})], "bias"),
        ([(BIAS, {"validation": 2, "test": 1}), (DEEP, {"validation": 1, "test": 2})], DEEP.name),
        ([(BIAS, {"test": 1}), (DEEP, {"test": 2})], "bias"),
    ],
)
def test_the_best_model_is_one_that_tells_songs_apart(
    filled: Warehouse, judged: Judged, expected: str
) -> None:
    publish(filled, judged)
    assert chosen(filled, model="best").ranker.name == expected


def test_no_model_tells_songs_apart(filled: Warehouse) -> None:
    publish(filled, [(CONSTANT, {"validation": 1.0})])
    with pytest.raises(DataContractError, match="tells songs apart"):
        chosen(filled, model="best")
    assert chosen(filled, model="constant").ranker.name == "constant"
    with pytest.raises(SettingsError, match="expected best or one of"):
        chosen(filled, model="als")


JUDGED = [(POPULAR, {"validation": 0.5}), (BIAS, {"validation": 2.0})]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ("most_popular", "bias")),
        ({"by": "both"}, ("most_popular", "bias")),
        ({"by": "listening"}, ("most_popular",)),
        ({"by": "rating"}, ("bias",)),
        ({"model": "bias"}, ("bias",)),
        ({"model": "most_popular", "by": "listening"}, ("most_popular",)),
    ],
)
def test_what_songs_are_ordered_by(
    filled: Warehouse, options: dict[str, str], names: tuple[str, ...]
) -> None:
    publish(filled, JUDGED)
    assert chosen(filled, **options).names == names


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "bias", "by": "both"}, "bias knows stars only"),
        ({"model": "most_popular", "by": "rating"}, "most_popular predicts no ratings"),
    ],
)
def test_a_model_is_not_asked_for_what_it_does_not_know(
    filled: Warehouse, options: dict[str, str], said: str
) -> None:
    publish(filled, JUDGED)
    with pytest.raises(SettingsError, match=said):
        chosen(filled, **options)


def test_without_a_weight_the_order_is_by_listening(filled: Warehouse) -> None:
    publish(filled, JUDGED)
    filled.save([{"model": "als", "rating_model": "bias", "weight": 0.5}], "list_weights")
    assert chosen(filled).names == ("most_popular",)
    with pytest.raises(SettingsError, match="no user has validation rows"):
        chosen(filled, model="most_popular", by="both")


def test_two_stages_are_in_the_table(spark: SparkSession, filled: Warehouse) -> None:
    publish(filled, JUDGED)
    figures, _ = recommended(spark, filled, k=3, per_artist=1, exclude_genres=[1])
    assert (figures.model, figures.verified) == ("most_popular and bias", USERS)
    rows = Warehouse(filled.root).load("recommendations").to_pylist()
    for row in rows:
        popularity, stars = np.log(row["song_id"] + 1), 3 + row["song_id"] / 10
        assert row["score"] == pytest.approx(popularity + 0.5 * min(stars, 5))
        assert row["reason"].startswith("number ")
        assert f"by most_popular; bias: {min(stars, 5):.2f} stars predicted" in row["reason"]
        assert GENRE[row["song_id"]] != 1
    for user in {row["user_id"] for row in rows}:
        artists = [ARTIST[row["song_id"]] for row in rows if row["user_id"] == user]
        assert len(set(artists)) == len(artists) == 3 or user == EVERYTHING


def exported(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Of lines of JSON, in the order of the files."""
    files = sorted((warehouse.root / "recommendations.jsonl").glob("part-*"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_without_own_ids_exports_are_the_table(spark: SparkSession, filled: Warehouse) -> None:
    recommended(spark, filled, model="bias", k=2, export="jsonl")
    rows = exported(filled)
    assert [*rows[0]] == RECOMMENDATIONS.fieldNames()
    keys = [(row["user_id"], row["rank"]) for row in rows]
    assert keys == sorted(keys)
    assert len(keys) == 2 * (USERS - 1)


def test_users_with_own_ids(spark: SparkSession, filled: Warehouse) -> None:
    filled.save([{"user_id": u, "id": f"user {u}"} for u in range(USERS)], "user_ids")
    users = filled.root / "users.txt"
    users.write_text("user 12\nuser 3\n")
    options = {"model": "bias", "k": 1, "users": users, "export": "jsonl"}
    _, lists = recommended(spark, filled, **options)
    assert lists.keys() == {3, 12}
    found = [(row["user"], row["song"]) for row in exported(filled)]
    assert found == [(f"user {u}", str(lists[u][0])) for u in (3, 12)]
    users.write_text("user 3\n3\n")
    with pytest.raises(SettingsError, match=r"users\.txt, line 2: .*no user has the id '3'"):
        recommended(spark, filled, **options)


def test_a_closed_gate_leaves_the_last_lists(spark: SparkSession, filled: Warehouse) -> None:
    _, before = recommended(spark, filled, k=3)
    version = filled.anew().version("recommendations")
    users = Warehouse(filled.root).load("summary_users").to_pylist()
    filled.save([user | {"counts": [9, 0, 0, 0, 0]} for user in users], "summary_users")
    asked = {"recommend": {"k": 5}, "gates": {"rating_shift": 0.01}}
    settings = Settings.model_validate(asked)
    with pytest.raises(DataContractError, match=r"gates\.rating_shift: .*stay as they were"):
        recommend.run(spark, Warehouse(filled.root), settings)
    assert Warehouse(filled.root).version("recommendations") == version
    _, after = recommended(spark, filled, k=5)  # with the gate open
    assert {len(songs) for songs in after.values()} == {5}
    recommend.run(spark, Warehouse(filled.root), settings)
    assert before != after
