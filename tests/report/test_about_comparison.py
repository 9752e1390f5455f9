"""What the cards on the comparison say, of rows whose story is known."""

import judged_rows

from ymr_spark.report import about_comparison, about_studies
from ymr_spark.report.card import Card

BOARD = {
    "floor_mse": 1.2,
    "models": [{"name": name} for name in ("two_tower_dot", "deep_cross", "bias", "constant")],
}


def cards() -> dict[str, Card]:
    tables = judged_rows.tables()
    studies = about_studies.cards(BOARD, tables["by_size"], tables["search"])
    return {card.name: card for card in (*studies, *about_comparison.cards(BOARD, tables))}


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
    (card,) = (c for c in about_comparison.cards(BOARD, tables) if c.name == "activity")
    assert "two_tower_dot has a lower error than bias in 1 of 2 bins" in card.finding


def test_calibration_is_the_mean_distance_weighted_by_rows() -> None:
    assert "by 0.200 stars on average for two_tower_dot, by 0.400" in cards()["calibration"].finding


def test_predicted_against_actual() -> None:
    card = cards()["predicted-actual"]
    assert "by 3.00 stars for two_tower_dot, by 2.00 stars for bias" in card.finding
    assert card.rows == [("3", "7", "5", "4.50", "3.75")]


def test_orders_come_as_on_the_leaderboard() -> None:
    card = cards()["orders"]
    assert "two_tower_dot puts 75.0% of a user's pairs" in card.finding
    assert [row[0] for row in card.rows] == ["two_tower_dot", "bias"]


def test_the_search_names_its_best_trial() -> None:
    card = cards()["search"]
    assert "als is best with rank 4 after 2: cross-validated MSE 1.8000" in card.finding
    assert card.rows[1] == ("rank 5", "2.9000", "2.8000")


def test_without_the_jobs_on_request_their_cards_are_not_there() -> None:
    assert about_studies.cards(BOARD, [], []) == []
    names = {card.name for card in about_comparison.cards(BOARD, judged_rows.tables())}
    assert names >= {"activity", "genre", "calibration"}
