"""Cards on lists of songs: how well each model ranks, and what users are recommended."""

from collections.abc import Mapping, Sequence

from ymr_spark.records.description import Example
from ymr_spark.records.figures import Recommended
from ymr_spark.records.leaderboard import Leaderboard, ListStanding, Worths
from ymr_spark.report import about_genres, charts
from ymr_spark.report.card import Card, TableRows, number, share, users_called

_GENRES = 4  # of an example user's heard and of the recommended songs


def cards(
    board: Leaderboard, recommend: Recommended | None, tables: Mapping[str, TableRows]
) -> list[Card]:
    """
    Args:
        board: reports/leaderboard.json.
        recommend: what the stage told, None where no run of it came to its end.
        tables: `summary_genres`, and `user_ids` of the users among its examples.
    """
    judged = [row for row in board.lists if row.ndcg_100 is not None]
    found = [_ranking(judged, board.oracle_lists)] if judged else []
    if recommend is None:
        return found
    genres = about_genres.has_genres(tables)
    return [*found, _lists(recommend, users_called(tables) if genres else None)]


def _ranking(lists: Sequence[ListStanding], oracle: Worths | None = None) -> Card:
    best = lists[0]
    finding = (
        f"Of all songs, {best.name} ranks the liked held-out ones highest: its lists of 100 "
        f"hold {share(best.recall_100)} of them"
    )
    popular = next((row for row in lists if row.name == "most_popular"), None)
    if popular is not None and best is not popular:
        finding += f", against {share(popular.recall_100)} in the most popular songs"
    if best.way is not None:
        finding += f"; it goes {share(best.way)} of the way from these to the best possible lists"
    note = (
        "Lists of one number cannot be told apart by these users. most_popular and best_mean give "
        "everybody the same songs but those heard; models fitted to stars alone do not know what "
        "is listened to. recommend is what jobs/recommend.py gives: the candidates of the model "
        "with the best validation lists, in the order of their chances and predicted stars."
    )
    if oracle is not None:
        note += f" The best possible lists of this planted data have {number(oracle.ndcg_100, 4)}."
    return Card(
        "ranking",
        "Finding the songs that users like",
        finding + ".",
        (
            *("", "model", "NDCG@100", "95 % interval", "NDCG@10", "recall@20", "recall@100"),
            *("coverage", "novelty", "common to two lists", "way to the oracle"),
        ),
        [_row(row) for row in lists],
        charts.bars(
            "ranking",
            "NDCG@100: " + ", ".join(f"{r.name} {number(r.ndcg_100, 4)}" for r in lists),
            [row.name for row in lists],
            [row.ndcg_100 or 0.0 for row in lists],
            text=lambda v: f"{v:.3g}",
            x=f"NDCG@100 of test songs rated 4 or 5, {best.users:,} users",
        ),
        note,
    )


def _row(row: ListStanding) -> tuple[str, ...]:
    low, high = number(row.ndcg_100_low, 4), number(row.ndcg_100_high, 4)
    return (
        str(row.group),
        row.name,
        number(row.ndcg_100, 4),
        "–" if row.ndcg_100_low is None else f"{low} – {high}",
        number(row.ndcg_10, 4),
        share(row.recall_20),
        share(row.recall_100),
        share(row.coverage),
        number(row.novelty, 2),
        share(row.shared),
        share(row.way),
    )


def _lists(recommend: Recommended, users: Mapping[int, str] | None) -> Card:
    """
    Args:
        users: own ids by the numbers; None where the data have no genres.
    """
    lists = recommend.described
    finding = (
        f"The lists of {lists.lists:,} users by {recommend.model} reach "
        f"{share(lists.coverage)} of the songs to choose from"
    )
    if lists.long_tail_share is not None:
        finding += (
            f"; {share(lists.long_tail_share)} of what is recommended is from the long "
            f"tail, which has {share(lists.long_tail_ratings)} of the ratings"
        )
    if lists.shared is not None:
        finding += f". Two users' lists have {share(lists.shared)} in common"
    known = {
        "songs in any list": lists.coverage,
        "long tail, in lists": lists.long_tail_share,
        "long tail, in ratings": lists.long_tail_ratings,
        "common to two lists": lists.shared,
    }
    shares = {name: value for name, value in known.items() if value is not None}
    columns: tuple[str, ...] = ("", "share")
    rows: list[tuple[str, ...]] = [(name, share(value)) for name, value in shares.items()]
    note = "The long tail is the four fifths of the songs with the fewest ratings."
    if users is not None:
        columns = ("user", "top genre", "of songs heard", "of songs recommended")
        rows = [row for example in lists.examples for row in _genres(example, users)]
        note += " The table has a few users' songs by genre."
    return Card(
        "lists",
        "What is recommended",
        finding + ".",
        columns,
        rows,
        charts.bars(
            "lists",
            finding,
            list(shares),
            list(shares.values()),
            text=lambda v: f"{100 * v:.3g}%",
        ),
        note,
    )


def _genres(example: Example, users: Mapping[int, str]) -> list[tuple[str, ...]]:
    heard, recommended = example.heard, example.recommended
    names = list(dict.fromkeys([*list(heard)[:_GENRES], *list(recommended)[:_GENRES]]))
    user = users.get(example.user_id, str(example.user_id))
    return [
        (user, name, share(heard.get(name, 0)), share(recommended.get(name, 0))) for name in names
    ]
