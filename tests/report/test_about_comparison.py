"""What the cards on the comparison say, of rows whose story is known."""

import judged_rows
import pytest
import told

from ymr_spark.report import about_comparison, about_studies
from ymr_spark.report.card import Card
from ymr_spark.sources.r2.scale import R2

BOARD = told.board(
    *map(told.entry, ("two_tower_dot", "deep_cross", "bias", "constant")), floor_mse=1.2
)


def cards() -> dict[str, Card]:
    tables = judged_rows.tables()
    studies = about_studies.cards(BOARD, tables["by_size"], tables["search"])
    return {card.name: card for card in (*studies, *about_comparison.cards(BOARD, tables, R2))}


def test_the_rivals_are_the_best_of_each_kind() -> None:
    assert about_comparison.rivals(BOARD) == ("two_tower_dot", "bias")


def test_by_size_names_the_winner_at_each_size() -> None:
    card = cards()["by-size"]
    assert "1.0k rows: bias, 2.1000, with 4.8k rows: two_tower_dot, 1.4000." in card.finding
    assert card.rows == [("1,000", "2.1000", "2.4000"), ("4,800", "2.0000", "1.4000")]


def test_a_slice_counts_wins_and_tells_of_cold_songs() -> None:
    card = cards()["popularity"]
    assert "two_tower_dot has a lower error than bias in 2 of 2 bins" in card.finding
    assert "two_tower_dot has the least, 2.250 (2.150 – 2.350), bias 2.500" in card.finding
    assert card.rows[0] == ("0", "100", "2.2500", "2.5000", "1.0000")


def test_a_bin_counts_for_whom_its_error_is_lower() -> None:
    tables = judged_rows.tables()
    for row in tables["slices"]:
        if row["model"] == "bias" and row["bin"] == 0:
            row["mse"] = 2.0
    (card,) = (c for c in about_comparison.cards(BOARD, tables, R2) if c.name == "activity")
    assert "two_tower_dot has a lower error than bias in 1 of 2 bins" in card.finding


def test_calibration_is_the_mean_distance_weighted_by_rows() -> None:
    assert "by 0.200 stars on average for two_tower_dot, by 0.400" in cards()["calibration"].finding


def test_predicted_against_actual() -> None:
    card = cards()["predicted-actual"]
    assert "by 3.00 stars for two_tower_dot, by 2.00 stars for bias" in card.finding
    assert card.rows == [("3", "7", "5", "4.50", "3.75")]


@pytest.mark.parametrize(("title", "shown"), [("<Title>", "<Title>"), (None, "s 7")])
def test_test_rows_are_by_own_ids_and_titles(title: str | None, shown: str) -> None:
    tables = judged_rows.tables()
    tables["user_ids"] = [{"user_id": 3, "id": "zoe"}]
    tables["song_ids"] = [{"song_id": 7, "id": "s 7", "title": title}]
    found = {card.name: card for card in about_comparison.cards(BOARD, tables, R2)}
    assert found["predicted-actual"].rows == [("zoe", shown, "5", "4.50", "3.75")]


def test_a_genre_alone_is_no_slice() -> None:
    tables = judged_rows.tables()
    alone = [row for row in tables["slices"] if row["slice"] != "genre" or row["bin"] == 0]
    names = {c.name for c in about_comparison.cards(BOARD, tables | {"slices": alone}, R2)}
    assert {"activity", "popularity"} <= names
    assert "genre" not in names


def test_orders_come_as_on_the_leaderboard() -> None:
    card = cards()["orders"]
    assert "two_tower_dot puts 75.0% of a user's pairs" in card.finding
    assert [row[0] for row in card.rows] == ["two_tower_dot", "bias"]


def test_the_search_names_its_best_trial() -> None:
    card = cards()["search-als"]
    assert "als is best with rank 4 after 2: cross-validated MSE 1.8000" in card.finding
    assert card.rows[1] == ("rank 5", "2.9000", "2.8000")


def test_searches_of_several_models_are_cards_of_their_own() -> None:
    als = judged_rows.tables()["search"]
    other = [
        row
        | {"model": "two_tower_dot", "parameters": '{"learning_rate": 0.3}', "validation_mse": m}
        for row, m in zip(als, (1.0, None, 2.5, None), strict=True)
    ]
    found = about_studies.cards(BOARD, [], [*als, *other])
    assert [card.name for card in found] == ["search-als", "search-two-tower-dot"]
    assert "als is best with rank 4 after 2: cross-validated MSE 1.8000" in found[0].finding
    assert "two_tower_dot is best with learning_rate 0.3 after 1" in found[1].finding
    assert len(found[0].rows) == len(found[1].rows) == 2
    assert found[1].rows[0] == ("learning_rate 0.3", "1.0000", "–")


def test_the_best_search_for_lists_is_the_one_of_most_ndcg() -> None:
    rows = [
        row | {"model": "implicit_als", "epoch": 1, "validation_mse": None, "validation_ndcg": ndcg}
        for row, ndcg in zip(judged_rows.tables()["search"][::2], (0.25, 0.5), strict=True)
    ]
    (card,) = about_studies.cards(BOARD, [], rows)
    assert "implicit_als is best with rank 5 after 1: cross-validated NDCG 0.5000" in card.finding
    assert [row[1] for row in card.rows] == ["0.2500", "0.5000"]


def test_lists_by_size_have_a_card_of_their_own() -> None:
    lists = [
        {"model": model, "train_rows": rows, "mse": None, "ndcg_100": ndcg}
        for model, rows, ndcg in (
            ("implicit_als", 1000, 0.2),
            ("two_tower_retrieval", 1000, 0.1),
            ("implicit_als", 4800, 0.3),
            ("two_tower_retrieval", 4800, 0.4),
        )
    ]
    errors, found = about_studies.cards(BOARD, judged_rows.tables()["by_size"] + lists, [])
    assert errors.rows == cards()["by-size"].rows
    expected = "1.0k rows: implicit_als, 0.2000, with 4.8k rows: two_tower_retrieval, 0.4000."
    assert expected in found.finding
    assert found.rows == [("1,000", "0.2000", "0.1000"), ("4,800", "0.3000", "0.4000")]


@pytest.mark.parametrize("names", [("als", "constant", "bias"), ("deep_cross", "two_tower_dot")])
def test_rivals_of_one_kind_are_the_two_best(names: tuple[str, ...]) -> None:
    board = told.board(*map(told.entry, names))
    assert about_comparison.rivals(board) == names[:2]


def test_a_model_alone_is_compared_with_nothing() -> None:
    board = told.board(told.entry("bias"))
    tables = judged_rows.tables()
    assert about_comparison.rivals(board) == ("bias",)
    for name in ("slices", "orders"):
        tables[name] = [row for row in tables[name] if row["model"] == "bias"]
    for card in about_comparison.cards(board, tables, R2):
        assert "bias than bias" not in card.finding
        assert "lower error" not in card.finding


def test_nothing_to_order_and_too_few_users() -> None:
    tables = judged_rows.tables()
    none = dict.fromkeys(("pairwise", "pairwise_low", "pairwise_high", "ndcg_low", "ndcg_high"))
    without = tables | {"orders": [row | none for row in tables["orders"]]}
    assert "orders" not in {card.name for card in about_comparison.cards(BOARD, without, R2)}
    few = dict.fromkeys(("mse_low", "mse_high", *[*none][1:]))
    unsure = {
        name: [r | {k: None for k in few if k in r} for r in rows] for name, rows in tables.items()
    }
    found = {card.name: card for card in about_comparison.cards(BOARD, unsure, R2)}
    assert found["orders"].rows[0] == ("two_tower_dot", "0.7500", "–", "0.7500", "–")
    assert "two_tower_dot has the least, 2.250, bias 2.500" in found["popularity"].finding


def test_without_the_jobs_on_request_their_cards_are_not_there() -> None:
    assert about_studies.cards(BOARD, [], []) == []
    names = {card.name for card in about_comparison.cards(BOARD, judged_rows.tables(), R2)}
    assert names >= {"activity", "genre", "calibration"}
