import told

from ymr_spark.records.figures import Choice
from ymr_spark.report import about_settings


def test_what_was_chosen_out_of_what_and_what_was_given() -> None:
    (card,) = about_settings.cards({"als": told.tuned("als"), "bias": None})
    assert card.rows == [
        (
            "als",
            "rank 2",
            "rank 2 – 32",
            "6, 2 on 1,000 rows",
            "1.2500",
            "1.5000",
            "1.5000 – 2.0000",
        )
    ]
    assert card.finding.startswith("Settings of als were chosen on samples")
    assert "als at the end of rank: a wider range may have a better one" in card.finding
    assert "Settings as given: bias." in card.note


def test_a_best_within_its_range_is_no_warning_and_may_be_the_only_one() -> None:
    within = told.tuned("als", at_edge=[], runner_up=None)
    (card,) = about_settings.cards({"als": within})
    assert "at the end" not in card.finding
    assert "as given" not in card.note
    assert card.rows[0][5] == "–"


def test_where_all_settings_are_given_there_is_no_card() -> None:
    assert about_settings.cards({"als": None}) == []


def test_of_lists_their_ndcg_is_told() -> None:
    best = Choice(settings={"ridge": 300}, validation_ndcg=0.5)
    found = told.tuned("item_neighbors", best=best, runner_up=None, first_rung=(0.6, 0.8))
    (card,) = about_settings.cards({"item_neighbors": found})
    assert card.rows[0][-3:] == ("0.5000", "–", "0.2000 – 0.4000")
