"""Cards on users and songs: the long tails and each user's lean."""

from collections.abc import Mapping
from itertools import accumulate

from ymr_spark.report import charts
from ymr_spark.report.card import Card, TableRows, number, share, where
from ymr_spark.scale import Scale

_STEP = 5  # percent; the width of a bin of users' lean


def cards(tables: Mapping[str, TableRows], scale: Scale) -> list[Card]:
    """All cards of this file, of the summary tables."""
    names = ("summary_tails", "summary_concentration", "summary_lean")
    tails, concentration, lean = (where(tables[name], split="train_files") for name in names)
    return [_tails(tails, concentration), _lean(lean, scale)]


def _tails(tails: TableRows, concentration: TableRows) -> Card:
    sides = {row["side"]: row for row in concentration}
    user, song = sides["user"], sides["song"]
    finding = (
        f"The most active 1 % of users gave {share(user['top_share'], 0)} of the ratings, the most "
        f"popular 1 % of songs got {share(song['top_share'], 0)}; the Gini coefficients are "
        f"{user['gini']:.2f} and {song['gini']:.2f}."
    )
    table = [
        (label, *(number(sides[side][key], digits) for side in ("user", "song")))
        for label, key, digits in (
            ("members with a rating", "members", 0),
            ("mean ratings", "mean", 2),
            ("median ratings", "median", 1),
            ("most ratings", "max", 0),
            ("Gini coefficient", "gini", 4),
            ("share of the top 1 %", "top_share", 4),
        )
    ]
    return Card(
        "tails",
        "The long tails",
        finding,
        ("", "users", "songs"),
        table,
        charts.lines(
            "tails",
            "Share of users and of songs with at least so many ratings. " + finding,
            {
                "users": _at_least(where(tails, side="user")),
                "songs": _at_least(where(tails, side="song")),
            },
            x="at least so many ratings",
            y="share of users or songs",
            log="xy",
            y_text=lambda v: f"{100 * v:g}%",
        ),
    )


def _at_least(histogram: TableRows) -> tuple[list[float], list[float]]:
    """Ratings ascending, and the share of members with that many or more; at most 200 points."""
    ordered = sorted(histogram, key=lambda row: int(row["ratings"]))
    total = sum(row["members"] for row in ordered)
    below = accumulate((row["members"] for row in ordered[:-1]), initial=0)
    points = [(row["ratings"], 1 - b / total) for row, b in zip(ordered, below, strict=True)]
    kept: list[tuple[float, float]] = []
    for ratings, left in points:
        if not kept or ratings >= 1.05 * kept[-1][0] or (ratings, left) == points[-1]:
            kept.append((ratings, left))
    return [x for x, _ in kept], [y for _, y in kept]


def _lean(rows: TableRows, scale: Scale) -> Card:
    ends = scale.lowest, scale.highest
    low, high = (_binned(where(rows, rating=r)) for r in ends)
    users = sum(low.values())
    lowest, highest = (
        sum(row["users"] for row in where(rows, rating=r) if row["percent"] >= 50) for r in ends
    )
    finding = (
        f"{share(highest / users, 0)} of the users give {_stars(scale.highest)} at least every "
        f"second time, {share(lowest / users, 0)} do so with {_stars(scale.lowest)}."
    )
    bins = sorted(low.keys() | high.keys())
    names = [f"{r:g}s" for r in ends]
    series = {
        f"share of {name}": (bins, [found.get(b, 0) / users for b in bins])
        for name, found in zip(names, (low, high), strict=True)
    }
    return Card(
        "lean",
        "Each user's lean",
        finding,
        ("percent of the user's ratings", *(f"users, of {name}" for name in names)),
        [(_named(b), number(low.get(b, 0)), number(high.get(b, 0))) for b in bins],
        charts.lines(
            "lean",
            f"Users by the share of {' and of '.join(names)} among their ratings. " + finding,
            series,
            x=f"percent of the user's ratings, in steps of {_STEP}",
            y="share of users",
            y_text=lambda v: share(v, 0),
        ),
    )


def _stars(rating: float) -> str:
    return f"{rating:g} star" if rating == 1 else f"{rating:g} stars"


def _binned(rows: TableRows) -> dict[int, int]:
    bins: dict[int, int] = {}
    for row in rows:
        start = row["percent"] // _STEP * _STEP
        bins[start] = bins.get(start, 0) + row["users"]
    return bins


def _named(start: int) -> str:
    return f"{start}" if start >= 100 else f"{start} to {start + _STEP - 1}"
