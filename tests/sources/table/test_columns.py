import pytest

from ymr_spark.errors import SettingsError
from ymr_spark.sources.table.columns import Columns, are_names, by_place, chosen


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["userId", "movieId", "rating", "timestamp"],
            {"user": "userId", "item": "movieId", "rating": "rating", "time": "timestamp"},
        ),
        (
            ["User-ID", "ISBN", "Book-Rating"],
            {"user": "User-ID", "item": "ISBN", "rating": "Book-Rating"},
        ),
        (
            ["split", "Date", "overall", "asin", "reviewerID", "title"],
            {
                **{"user": "reviewerID", "item": "asin", "rating": "overall"},
                **{"time": "Date", "test": "split"},
            },
        ),
        # the likelier of two, wherever it stands; of two that are alike the first
        (
            ["artist_id", "track id", "uid", "member", "value", "stars"],
            {"user": "uid", "item": "track id", "rating": "stars"},
        ),
        (["user_id", "UserID", "item", "score"], {"user": "user_id"}),
    ],
)
def test_columns_are_guessed_by_common_names(names: list[str], expected: dict[str, str]) -> None:
    found = chosen({}, names, "r.csv").of
    assert {role: found.get(role) for role in expected} == expected
    if len(expected) > 1:
        assert dict(found) == expected


def test_a_given_name_goes_before_a_guess() -> None:
    names = ["user", "item", "rating", "stars", "who", "when"]
    given = {"user": "who", "item": None, "rating": "stars", "time": "when", "test": None}
    assert dict(chosen(given, names, "r.csv").of) == {
        **{"user": "who", "item": "item", "rating": "stars", "time": "when"}
    }


@pytest.mark.parametrize(
    ("given", "names", "words"),
    [
        (
            {"user": "wer"},
            ["user", "item", "rating"],
            r"^r\.csv: no column for raw\.columns\.user=wer; it has user, item, rating$",
        ),
        (
            {"test": "part", "item": "was"},
            ["user", "item", "rating"],
            r"raw\.columns\.split=part, raw\.columns\.item=was;",
        ),
        ({"user": "User"}, ["user", "item", "rating"], r"raw\.columns\.user=User"),
        (
            {},
            ["a", "item", "b"],
            r"which column is the user and the rating\? It has a, item, b; say",
        ),
        ({"rating": "b"}, ["user", "a", "b"], r"which column is the item\?"),
        (
            {"item": "user"},
            ["user", "rating"],
            r"one column for two things \(user = user, item = user, rating = rating\)",
        ),
    ],
)
def test_what_cannot_be_told_is_an_error(
    given: dict[str, str | None], names: list[str], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        chosen(given, names, "r.csv")


def test_columns_by_their_places() -> None:
    assert dict(by_place(["1", "2", "3"]).of) == {"user": "1", "item": "2", "rating": "3"}
    assert dict(by_place([*"abcde"]).of) == {"user": "a", "item": "b", "rating": "c", "time": "d"}


def test_names_are_listed_once_and_told_by_role() -> None:
    columns = Columns({"user": "b", "item": "a", "rating": "b"})
    assert columns.names == ("b", "a")
    assert str(columns) == "user = b, item = a, rating = b"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["userId", "movieId", "rating"], True),
        (["wer", "was", "wie"], True),
        (["Rating", "2001", "2002"], True),
        (["196", "242", "3", "881250949"], False),
        (["alice", "song 1", "4.5"], False),
        (["alice", "song 1", "1e3"], False),
    ],
)
def test_names_are_told_from_a_first_row(fields: list[str], expected: bool) -> None:
    assert are_names(fields) == expected
