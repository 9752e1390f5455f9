import json

import pytest
import told

from ymr_spark.errors import DataContractError
from ymr_spark.evaluation import leaderboard
from ymr_spark.evaluation.breakdown import Order
from ymr_spark.evaluation.list_judgement import Judgement
from ymr_spark.evaluation.list_quality import ListQuality
from ymr_spark.evaluation.metrics import Difference, Score
from ymr_spark.identity import Identity
from ymr_spark.records.leaderboard import Leaderboard
from ymr_spark.report import terminal

SPLITS = {"train": Identity(90, "aa"), "test": Identity(10, "bb")}
FITTED_TO = Identity(100, "ab")
LISTS = Judgement(
    [
        ListQuality(model=name, split=split, **told.list_figures(ndcg + more))
        for split, more in (("test", 0.0), ("validation", 0.5))
        for name, ndcg in (("a", 0.1), ("b", 0.2))
    ],
    slices=[],
    weights=[],
    groups={"b": 1, "a": 2},
    oracle=None,
    ways={"b": 0.5},
)


def score(model: str, split: str, mse: float) -> Score:
    errors = {"rmse": mse**0.5, "mae": 1.0, "mse_low": None, "mse_high": None}
    return Score(model=model, split=split, rows=10, mse=mse, fallback_share=0.0, **errors)


def difference(model: str, split: str, low: float) -> Difference:
    return Difference(model=model, other="good", split=split, difference=1.0, low=low, high=2.0)


def order(model: str, split: str, ndcg: float) -> Order:
    ends = {f"{n}_{end}": None for n in ("ndcg", "pairwise") for end in ("low", "high")}
    return Order(
        model=model, split=split, ndcg=ndcg, ndcg_users=9, pairwise=0.5, pairwise_users=8, **ends
    )


def board(floor_mse: float | None, **at_edge: list[str]) -> Leaderboard:
    # On validation the order is the other way round, and nothing told apart.
    scored = [score("bad", "test", 2.0), score("good", "test", 1.5), score("near", "test", 1.6)]
    scored += [score("bad", "validation", 1.0), score("good", "validation", 3.0)]
    pairs = [difference("bad", "test", 0.1), difference("near", "test", -0.1)]
    pairs.append(difference("near", "validation", 0.1))
    orders = [
        order(model, split, ndcg + more)
        for split, more in (("test", 0.0), ("validation", 0.5))
        for model, ndcg in (("bad", 0.1), ("good", 0.3), ("near", 0.2))
    ]
    seconds = {"bad": 1.0, "good": 2.0, "near": 3.0}
    parts = scored, pairs, orders, LISTS, seconds, FITTED_TO, SPLITS, floor_mse, at_edge
    return leaderboard.leaderboard(*parts)


def test_models_by_their_test_error_each_with_what_is_its_own() -> None:
    found = board(None).models
    assert [(e.name, e.group, e.mse) for e in found] == [
        ("good", 1, 1.5), ("near", 1, 1.6), ("bad", 2, 2.0),
    ]  # fmt: skip
    assert [(e.ndcg, e.fit_seconds) for e in found] == [(0.3, 2.0), (0.2, 3.0), (0.1, 1.0)]
    assert {(e.train_rows, e.train_hash, e.test_hash) for e in found} == {(100, "ab", "bb")}
    assert {(e.chosen_on_rows, e.chosen_on_hash) for e in found} == {(90, "aa")}


def test_the_board_holds_models_against_the_floor_and_the_best_list_first() -> None:
    found = board(1.25)
    assert [(m.name, m.excess_mse) for m in found.models] == [
        ("good", 0.25), ("near", 1.6 - 1.25), ("bad", 0.75),
    ]  # fmt: skip
    assert [(row.name, row.group, row.way) for row in found.lists] == [
        ("b", 1, 0.5),
        ("a", 2, None),
    ]
    assert [(row.ndcg_100, row.validation_ndcg_100) for row in found.lists] == [
        (0.2, 0.7),
        (0.1, 0.6),
    ]
    assert {(row.train_rows, row.train_hash) for row in found.lists} == {(100, "ab")}
    assert (found.train_rows, found.test_rows, found.floor_mse) == (100, 10, 1.25)
    assert (found.chosen_on_rows, found.chosen_on_hash) == (90, "aa")


def test_without_a_floor_nothing_is_said_of_it() -> None:
    written = json.loads(board(None).as_json())
    assert "floor_mse" not in written
    assert "excess_mse" not in written["models"][0]
    assert written["models"][0]["mse_low"] is None


@pytest.mark.parametrize("floor", [None, 1.25])
def test_the_board_is_read_as_it_was_written(floor: float | None) -> None:
    assert Leaderboard.of_json(board(floor).as_json()) == board(floor)


@pytest.mark.parametrize("text", ["", "{}", '{"train_rows": 90, "models": [{"model": "bias"}]}'])
def test_what_is_no_board_of_this_version_says_how_to_make_one(text: str) -> None:
    with pytest.raises(DataContractError, match=r"of this version.*jobs/evaluate\.py --force"):
        Leaderboard.of_json(text)


def test_a_setting_at_the_end_of_its_range_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    found = board(None, near=["rank"])
    assert {model.name: model.at_edge for model in found.models if model.at_edge} == {
        "near": ("rank",)
    }
    assert Leaderboard.of_json(found.as_json()) == found
    terminal.show(found)
    assert "near: rank at the end of its range" in capsys.readouterr().out
    terminal.show(board(None))
    assert "at the end of its range" not in capsys.readouterr().out
