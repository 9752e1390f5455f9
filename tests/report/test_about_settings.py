import told

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
