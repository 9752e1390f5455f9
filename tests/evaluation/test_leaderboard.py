from typing import Any

from ymr_spark.evaluation import leaderboard

TRAIN, TEST = (90, "aa"), (10, "bb")


def score(model: str, split: str, mse: float) -> dict[str, Any]:
    return {"model": model, "split": split, "mse": mse, "rows": 10}


def entries() -> list[dict[str, Any]]:
    # On validation the order is the other way round, and nothing told apart.
    scored = [score("bad", "test", 2.0), score("good", "test", 1.5), score("near", "test", 1.6)]
    scored += [score("bad", "validation", 1.0), score("good", "validation", 3.0)]
    pairs = [
        {"model": "bad", "other": "good", "split": "test", "low": 0.1},
        {"model": "near", "other": "good", "split": "test", "low": -0.1},
        {"model": "near", "other": "good", "split": "validation", "low": 0.1},
    ]
    orders = [
        {"model": m, "split": s, "ndcg": n}
        for s, more in (("test", 0.0), ("validation", 0.5))
        for m, n in (("bad", 0.1 + more), ("good", 0.3 + more), ("near", 0.2 + more))
    ]
    seconds = {"bad": 1.0, "good": 2.0, "near": 3.0}
    return leaderboard.entries(scored, pairs, orders, TRAIN, TEST, seconds)


def test_models_by_their_test_error_each_with_what_is_its_own() -> None:
    found = entries()
    assert [(e["name"], e["group"], e["mse"]) for e in found] == [
        ("good", 1, 1.5), ("near", 1, 1.6), ("bad", 2, 2.0),
    ]  # fmt: skip
    assert [(e["ndcg"], e["fit_seconds"]) for e in found] == [(0.3, 2.0), (0.2, 3.0), (0.1, 1.0)]
    hashes = {(e["train_rows"], e["train_hash"], e["test_hash"]) for e in found}
    assert hashes == {(90, "aa", "bb")}


def test_the_board_holds_models_against_the_floor_and_the_best_list_first() -> None:
    ranking = [{"model": m, "ndcg": n} for m, n in (("a", 0.1), ("none", None), ("b", 0.2))]
    board = leaderboard.leaderboard(entries()[::-1], ranking, TRAIN, TEST, floor_mse=1.25)
    assert [(m["name"], m["excess_mse"]) for m in board["models"]] == [
        ("good", 0.25), ("near", 1.6 - 1.25), ("bad", 0.75),
    ]  # fmt: skip
    assert [row["model"] for row in board["ranking"]] == ["b", "a", "none"]
    assert (board["train_rows"], board["test_rows"], board["floor_mse"]) == (90, 10, 1.25)
    without = leaderboard.leaderboard(entries(), ranking, TRAIN, TEST, floor_mse=None)
    assert "floor_mse" not in without
    assert "excess_mse" not in without["models"][0]
