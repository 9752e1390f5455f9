"""What is answered about a pair of a user and a song, by numbers and by own ids."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import own_ids
import pytest
from builders import ratings
from pyspark.sql import SparkSession

from jobs import predict
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.sources.r2.scale import R2

# Songs 1 and 2 are alike, 0 is their opposite.
MODEL = FactorModel(
    "bias",
    3.0,
    np.arange(3),
    np.zeros(3),
    np.ones((3, 1), np.float32),
    np.arange(3),
    np.array([0.0, 0.5, 1.0]),
    np.array([[-0.5], [0.5], [0.5]], np.float32),
    R2,
)
REGISTERED = {
    **{"model": "bias", "mean": 3.0, "link": "clip", "fallback": None, **asdict(R2)},
    **{"train_rows": 3, "train_hash": "f", "chosen_on_rows": 3, "chosen_on_hash": "f"},
    **{"ratings_version": 0, "fit_seconds": 1.0, "parameters": "{}"},
}


@pytest.fixture
def published(spark: SparkSession, tmp_path: Path) -> Warehouse:
    """One model; user 0 has rated songs 0 and 2."""
    warehouse = Warehouse(tmp_path)
    warehouse.write(ratings(spark, [(0, 0, 2), (0, 2, 4), (1, 1, 3)]), "ratings")
    for part, rows in MODEL.tables().items():
        warehouse.save(rows, f"bias_{part}")
    warehouse.save([REGISTERED], "models")
    return warehouse


@pytest.fixture
def called(published: Warehouse) -> None:
    """Its users and songs have own ids."""
    own_ids.fill(published)


Answered = tuple[int, str, dict[str, Any]]
Ask = Callable[..., Answered]


@pytest.fixture
def ask(published: Warehouse, capsys: pytest.CaptureFixture[str]) -> Ask:
    """The exit code, what is on the terminal, and the last line."""

    def run(*arguments: str) -> Answered:
        settings = ["--conf", "conf/sample.yaml", "--set", f"warehouse={published.root}"]
        code = predict.main([*settings, *arguments])
        *shown, last = capsys.readouterr().out.splitlines()
        return code, "\n".join(shown), json.loads(last)

    return run


def test_numbers_are_answered_by_numbers(ask: Ask) -> None:
    code, shown, told = ask("--user", "0", "--song", "2")
    (answer,) = told["predictions"]
    assert code == 0
    assert (answer["user"], answer["song"], answer["rating"]) == (0, 2, 4)
    assert "title" not in answer
    assert [{**near, "similarity": 0} for near in told["nearest"]] == [
        {"song_id": 0, "rating": 2, "similarity": 0}
    ]
    assert "user 0, song 2: rated 4 (train)" in shown
    assert "song 0: rated 2, similarity -1.000" in shown


def test_numbers_that_are_not_known_are_cold(ask: Ask) -> None:
    code, shown, told = ask("--user", "888888", "--song", "999999")
    (answer,) = told["predictions"]
    assert (code, answer["user"], answer["cold_user"], answer["cold_song"]) == (
        0,
        888888,
        True,
        True,
    )
    assert "Cold start: song 999999" in shown


@pytest.mark.usefixtures("called")
def test_own_ids_are_answered_by_own_ids_and_titles(ask: Ask) -> None:
    code, shown, told = ask("--user", "zoe", "--song", "=s2")
    (answer,) = told["predictions"]
    assert code == 0
    assert (answer["user"], answer["song"], answer["stars"]) == ("zoe", "=s2", {"bias": 4.0})
    assert "title" not in answer
    near = [(n["song_id"], n["title"]) for n in told["nearest"]]
    assert near == [own_ids.SONGS[i][:2] for i in (0, 2)]
    assert "user zoe, song =s2: not rated" in shown
    assert 'song First <b> "x" (s 1): rated 2' in shown


@pytest.mark.usefixtures("called")
def test_titles_are_text_and_nothing_else(ask: Ask) -> None:
    _, shown, told = ask("--user", "zoe", "--song", "sé")
    assert told["predictions"][0]["title"] == "[red]:x:\x1b"
    assert "song [red]:x:\ufffd (sé): rated 4 (train)" in shown


@pytest.mark.usefixtures("called")
def test_pairs_of_own_ids(ask: Ask, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("zoe\ts 1\nAnn Lee\t=s2\n7 sé\n")
    code, shown, told = ask("--pairs", str(pairs))
    found = [(a["user"], a["song"], a.get("title")) for a in told["predictions"]]
    assert found == [
        ("zoe", *own_ids.SONGS[0][:2]),
        ("Ann Lee", "=s2", None),
        ("7", *own_ids.SONGS[2][:2]),
    ]
    assert code == 0
    assert "Ann Lee" in shown
    assert 'First <b> "x"' in shown
    assert "[red]:x:\ufffd" in shown


@pytest.mark.usefixtures("called")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--user", "0", "--song", "=s2"), "--user: no user has the id '0'"),
        (("--user", "7", "--song", "1"), "--song: no song has the id '1'"),
    ],
)
def test_an_unknown_own_id_is_a_wrong_setting(
    ask: Ask, arguments: tuple[str, ...], said: str
) -> None:
    code, _, told = ask(*arguments)
    assert code == 2
    assert said in told["error"]
