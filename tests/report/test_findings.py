"""The sentences of the report on numbers whose story is known."""

import re

import pytest
import told

from ymr_spark.records.description import Description, Example
from ymr_spark.records.figures import Figures, Recommended
from ymr_spark.report import (
    about_genres,
    about_lists,
    about_members,
    about_models,
    about_ratings,
    charts,
    reference,
)
from ymr_spark.report.card import number, share, short, weighted_mean
from ymr_spark.scale import Scale
from ymr_spark.sources.r2.scale import R2


def test_leaderboard_says_who_wins_by_how_much() -> None:
    models = told.entry("deep", 1.25, 1), told.entry("bias", 2.0, 2)
    card = about_models._leaderboard(told.board(*models, floor_mse=1.0), like_r2=True)
    assert "deep has the least test error, MSE 1.2500" in card.finding
    assert "bias follows with 2.0000, worse beyond chance" in card.finding
    assert "closes 75% of the distance from bias to the floor" in card.finding
    assert [row[:3] for row in card.rows] == [("deep", "1", "1.2500"), ("bias", "2", "2.0000")]


def test_leaderboard_does_not_claim_what_the_rows_do_not_show() -> None:
    models = told.entry("deep", 1.99, 1), told.entry("bias", 2.0, 1)
    finding = about_models._leaderboard(told.board(*models), like_r2=True).finding
    assert "a difference that these rows cannot tell from chance" in finding
    assert "floor" not in finding


def test_leaderboard_of_too_few_users_makes_no_claim() -> None:
    unsure = {"mse_low": None, "mse_high": None}
    models = told.entry("deep", 1.25, 1, **unsure), told.entry("bias", 2.0, 1, **unsure)
    card = about_models._leaderboard(told.board(*models, floor_mse=2.5), like_r2=True)
    assert "the users are too few to tell" in card.finding
    assert "closes" not in card.finding
    assert card.rows[0][3] == "–"


def test_a_curve_with_epochs_that_have_no_finite_error() -> None:
    curve = told.curve((None, None), (1.5, 1.5), (None, None))
    card = about_models._curve("deep_cross", curve, told.board())
    assert "least after epoch 2, MSE 1.5000" in card.finding
    nothing = about_models._curve("deep_cross", curve[:1], told.board())
    assert nothing.finding == "No epoch has a finite validation error."
    assert nothing.rows == [("1", "–", "–", "1.0")]


def test_genres_of_one_name_keep_their_own_counts() -> None:
    size = {"split": "train_files", "level": 1, "songs": 1, "mean": 3.0}
    own = [
        size | {"grain": grain, "genre_id": g, "top_genre_id": g, "name": name, "count": n}
        for g, name, n in ((3, "Rock", 5), (7, "Rock", 4), (9, "Pop", 2))
        for grain in ("own", "top")
    ]
    tops = [
        {"split": "train_files", "rating": 5, "rank": rank, "genre_id": g, "name": name, "count": n}
        for rank, (g, name, n) in enumerate(((3, "Rock", 5), (7, "Rock", 4), (9, "Pop", 2)), 1)
    ]
    tables = {"summary_genres": own, "summary_top_genres": tops}
    found = about_genres.cards(tables, R2, like_r2=True)
    cards = {card.name: card for card in found}
    assert [row[0] for row in cards["genre-counts"].rows] == ["Rock (3)", "Rock (7)", "Pop"]
    assert cards["top-genres"].rows[4][:4] == ("5", "Rock (3) (5)", "Rock (7) (4)", "Pop (2)")
    assert all(f"{n}</text>" in cards["top-genres"].chart for n in (5, 4, 2))
    assert "3 genres are among the ten biggest" in cards["top-genres"].finding
    assert "liked alike, at 3.00 stars" in cards["genre-means"].finding


@pytest.mark.parametrize(
    ("counts", "expected"),
    [({0: 9}, False), ({0: 9, 5: 0}, False), ({0: 0, 5: 1}, True), ({4: 2, 5: 1}, True)],
)
def test_genres_tell_songs_apart(counts: dict[int, int], expected: bool) -> None:
    rows = [
        {"split": split, "grain": "own", "genre_id": genre, "count": n if split != "test" else 1}
        for genre, n in counts.items()
        for split in ("train_files", "test")
    ]
    assert about_genres.has_genres({"summary_genres": rows}) == expected


def test_published_figures_are_beside_what_is_like_them_only() -> None:
    assert reference.is_of("planted", R2)
    assert reference.is_of("folder", R2)
    assert not reference.is_of("movielens-100k", R2)
    assert not reference.is_of("folder", Scale(0.5, 5, 0.5))
    board = told.board(told.entry("bias"))
    for like_r2 in (True, False):
        note = about_models._leaderboard(board, like_r2).note
        assert note.startswith("Models of one group cannot be told apart")
        assert ("Published on R2" in note) == like_r2


def test_ratings_that_are_all_alike() -> None:
    row = {"split": "train_files", "column": "rating", "value": 5, "count": 9, "share": 1.0}
    assert (
        about_ratings._ratings([row], R2, like_r2=True).finding
        == "All ratings in the train files are 5."
    )


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_a_chart_draws_every_line(count: int) -> None:
    series = {f"line {i}": ((1.0, 2.0), (float(i), 1.0)) for i in range(count)}
    drawn = charts.lines("many", "many lines", series, x="x", y="y")
    assert all(f">line {i}<" in drawn for i in range(count)) or count == 1
    paths = re.findall(
        r'<g id="many-line2d_\d+">\s*<path d="[^"]*" clip-path[^>]*style="([^"]*)', drawn
    )
    data = [style for style in paths if "var(--series" in style]
    assert len(set(data)) == len(data) == count


def test_learning_curve_names_the_best_step_and_the_rise_after_it() -> None:
    curve = told.curve((1.5, 2.0), (1.0, 1.5), (1.1, 1.6))
    for name, step in (("deep_cross", "epoch"), ("latent_factor", "iteration")):
        finding = about_models._curve(name, curve, told.board()).finding
        assert f"least after {step} 2, MSE 1.5000, with 1.0000 on train" in finding
        assert f"rises to 1.6000 by {step} 3" in finding


def test_cost_adds_up() -> None:
    manifests = [
        told.manifest("ingest", Figures(rows=5), job_seconds=30, peak_memory_mib=1024),
        told.manifest("train_als", Figures(rows=5), job_seconds=90, peak_memory_mib=3072),
    ]
    finding = about_models._cost(manifests).finding
    assert finding == "2 min 0 s in all, 75% of it train_als; never more than 3.0 GiB of memory."


def test_ratings_most_and_least() -> None:
    rows = [
        {"split": "train_files", "column": "rating", "value": r, "count": n, "share": n / 20}
        for r, n in ((1, 6), (2, 2), (4, 4), (5, 8))
    ]
    card = about_ratings._ratings(rows, R2, like_r2=True)
    assert "70% of the ratings" in card.finding
    assert "5 is given 4.0 times as often as 2" in card.finding
    assert card.rows[2][:3] == ("3", "0", "0.00%")


def test_the_shift_from_train_to_test_has_its_sign() -> None:
    def finding(test: int) -> str:
        means = {"train": 3, "validation": 3, "test": test}
        return about_ratings._splits(
            [{"split": s, "value": m, "share": 1.0} for s, m in means.items()], R2, like_r2=True
        ).finding

    assert "3.00 in train and 2.00 in test, 1.00 less" in finding(2)
    assert "3.00 in train and 4.00 in test, 1.00 more" in finding(4)


def test_tail_points_are_shares_at_or_above() -> None:
    histogram = [{"ratings": 1, "members": 6}, {"ratings": 10, "members": 3}]
    histogram += [{"ratings": 100, "members": 1}]
    xs, ys = about_members._at_least(histogram)
    assert xs == [1, 10, 100]
    assert [round(y, 9) for y in ys] == [1.0, 0.4, 0.1]


def test_lean_counts_from_half_on() -> None:
    rows = [
        {"rating": 1, "percent": 0, "users": 9}, {"rating": 1, "percent": 50, "users": 1},
        {"rating": 5, "percent": 49, "users": 6}, {"rating": 5, "percent": 100, "users": 4},
    ]  # fmt: skip
    card = about_members._lean(rows, R2)
    assert card.finding.startswith("40% of the users give 5 stars")
    assert "10% do so with 1 star" in card.finding
    assert ("45 to 49", "0", "6") in card.rows
    assert ("100", "0", "4") in card.rows


def test_half_stars_have_their_own_bars_and_no_reference() -> None:
    halves = Scale(0.5, 5, 0.5)
    rows = [
        {"split": split, "column": "rating", "value": r, "count": n, "share": n / 20}
        for r, n in ((0.5, 6), (3.5, 2), (4.0, 4), (5.0, 8))
        for split in ("train", "validation", "test")
    ]
    card = about_ratings._ratings(rows[::3], halves, like_r2=False)
    assert (
        "70% of the ratings in the train files are 0.5 or 5; 5 is given 4.0 times" in card.finding
    )
    assert [row[0] for row in card.rows] == [f"{level / 2:g}" for level in range(1, 11)]
    assert card.rows[6] == ("3.5", "2", "10.00%")
    splits = about_ratings._splits(rows, halves, like_r2=False)
    assert splits.rows[6] == ("3.5", "10.00%", "10.00%", "10.00%")
    lean = [{"rating": r, "percent": 60, "users": 1} for r in (0.5, 5.0)]
    assert "5 stars at least every second time, 100% do so with 0.5 stars" in (
        about_members._lean(lean, halves).finding
    )


def test_numbers_as_text() -> None:
    assert [short(v) for v in (0, 950, 999.6, 1234, 24_000_000)] == [
        "0",
        "950",
        "1.0k",
        "1.2k",
        "24M",
    ]
    assert (number(None), number(1234.5678, 2), share(0.1234)) == ("–", "1,234.57", "12.3%")
    assert weighted_mean([(1, 3), (5, 1)]) == 2


def test_the_best_list_is_held_against_the_most_popular_songs() -> None:
    card = about_lists._ranking([told.listed("m", 0.4), told.listed("most_popular", 0.2)])
    assert "m ranks the liked held-out ones highest: its lists of 100 hold 20.0% of them" in (
        card.finding
    )
    assert "against 10.0% in the most popular" in card.finding
    alone = about_lists._ranking([told.listed("most_popular", 0.4), told.listed("m", 0.2)])
    assert alone.finding.endswith("its lists of 100 hold 20.0% of them.")


def test_lists_that_nobody_has() -> None:
    nobody = Description(0, 0.0, None, long_tail_ratings=0.2, shared=None, examples=())
    card = about_lists._lists(Recommended(model="als", verified=0, described=nobody), users={})
    assert card.finding == "The lists of 0 users by als reach 0.0% of the songs to choose from."
    assert "common" not in card.chart


EXAMPLES = Description(2, 0.5, 0.3, 0.2, None, (Example(3, {"Rock": 1.0}, {"Pop": 0.75}),))
LISTS = Recommended(model="als", verified=0, described=EXAMPLES)


def test_examples_of_lists_are_by_own_ids() -> None:
    card = about_lists._lists(LISTS, users={3: "zoe"})
    assert card.rows == [("zoe", "Rock", "100.0%", "0.0%"), ("zoe", "Pop", "0.0%", "75.0%")]
    assert about_lists._lists(LISTS, users={}).rows[0][0] == "3"


def test_lists_of_songs_without_genres() -> None:
    card = about_lists._lists(LISTS, users=None)
    assert card.rows[0] == ("songs in any list", "50.0%")
    assert "genre" not in " ".join((*card.columns, card.note))
