"""Cards on lists of songs: how well each model ranks, and what users are recommended."""

from collections.abc import Sequence

from ymr_spark.lists.quality import ListQuality
from ymr_spark.records.description import Example
from ymr_spark.records.figures import Recommended
from ymr_spark.report import charts
from ymr_spark.report.card import Card, number, share

_GENRES = 4  # of an example user's heard and of the recommended songs


def cards(ranking: Sequence[ListQuality], recommend: Recommended | None) -> list[Card]:
    """
    Args:
        ranking: of reports/leaderboard.json.
        recommend: what the stage told, None where no run of it came to its end.
    """
    judged = [row for row in ranking if row.ndcg is not None]
    found = [_ranking(judged)] if judged else []
    return found + ([_lists(recommend)] if recommend is not None else [])


def _ranking(ranking: Sequence[ListQuality]) -> Card:
    best, k, users = ranking[0], ranking[0].k, ranking[0].users
    popular = next(row for row in ranking if row.model == "most_popular")
    finding = (
        f"Of all songs, {best.model} ranks the liked held-out ones highest: its lists of {k} "
        f"hold {share(best.recall)} of them"
    )
    if best is not popular:
        finding += f", against {share(popular.recall)} in the most popular songs"
    shown = [f"{row.ndcg:.4f}" for row in ranking]
    return Card(
        "ranking",
        "Finding the songs that users like",
        finding + ".",
        ("model", f"NDCG@{k}", f"recall@{k}", "catalogue coverage"),
        [
            (row.model, ndcg, number(row.recall, 4), share(row.coverage))
            for row, ndcg in zip(ranking, shown, strict=True)
        ],
        charts.bars(
            "ranking",
            f"NDCG@{k}: " + ", ".join(f"{r.model} {r.ndcg:.4f}" for r in ranking),
            [row.model for row in ranking],
            [row.ndcg or 0.0 for row in ranking],
            text=lambda v: f"{v:.3g}",
            x=f"NDCG@{k} of test songs rated 4 or 5, {users:,} users",
        ),
        "most_popular and best_mean give everybody the same songs but those heard. Which songs "
        "were rated at all follows popularity, which models fitted to stars do not aim for.",
    )


def _lists(recommend: Recommended) -> Card:
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
    return Card(
        "lists",
        "What is recommended",
        finding + ".",
        ("user", "top genre", "of songs heard", "of songs recommended"),
        [row for example in lists.examples for row in _genres(example)],
        charts.bars(
            "lists",
            finding,
            list(shares),
            list(shares.values()),
            text=lambda v: f"{100 * v:.3g}%",
        ),
        "The long tail is the four fifths of the songs with the fewest ratings. The table has a "
        "few users' songs by genre.",
    )


def _genres(example: Example) -> list[tuple[str, str, str, str]]:
    heard, recommended = example.heard, example.recommended
    names = list(dict.fromkeys([*list(heard)[:_GENRES], *list(recommended)[:_GENRES]]))
    return [
        (str(example.user_id), name, share(heard.get(name, 0)), share(recommended.get(name, 0)))
        for name in names
    ]
