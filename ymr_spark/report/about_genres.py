"""Cards on genres: counts, means, the ten biggest for each rating, the hierarchy."""

import math
from collections.abc import Mapping

from ymr_spark.report import charts, reference
from ymr_spark.report.card import Card, TableRow, TableRows, number, share, short, told_apart, where
from ymr_spark.scale import Scale

_SHOWN = 12
_UNKNOWN = 0  # the genre of songs of which none is known


def has_genres(tables: Mapping[str, TableRows]) -> bool:
    """Whether the data tell songs apart by genre: some are rated that are of a genre, and there
    are others.
    """
    own = where(tables["summary_genres"], split="train_files", grain="own")
    return len(own) > 1 and any(row["count"] for row in own if row["genre_id"] != _UNKNOWN)


def cards(tables: Mapping[str, TableRows], scale: Scale, like_r2: bool) -> list[Card]:
    """All cards of this file, of the summary tables; none where the data have no genres.

    Args:
        like_r2: whether published figures of R2 are shown beside these.
    """
    if not has_genres(tables):
        return []
    sizes = _named(where(tables["summary_genres"], split="train_files"))
    own, tops = where(sizes, grain="own"), where(sizes, grain="top")
    return [
        _counts(own, like_r2),
        _means(own),
        _top_ten(_named(where(tables["summary_top_genres"], split="train_files")), scale),
        _hierarchy(own, tops),
    ]


def _named(rows: TableRows) -> list[TableRow]:
    """The rows, with names that tell genres of one name apart."""
    names = told_apart({row["genre_id"]: row["name"] for row in rows})
    return [{**row, "name": names[row["genre_id"]]} for row in rows]


def _most_rated(own: TableRows) -> list[TableRow]:
    rated = [row for row in own if row["count"]]
    return sorted(rated, key=lambda row: (-row["count"], row["genre_id"]))


def _counts(own: TableRows, like_r2: bool) -> Card:
    ranked = _most_rated(own)
    total = sum(row["count"] for row in ranked)
    first, rest = ranked[0], [row["name"] for row in ranked[1:4]]
    finding = (
        f"{share(first['count'] / total, 0)} of the ratings are of songs of genre "
        f"{first['name']}; {', '.join(rest) or 'no other'} follow."
    )
    alt = "Ratings by genre: " + ", ".join(
        f"{row['name']} {short(row['count'])}" for row in ranked[:_SHOWN]
    )
    return Card(
        "genre-counts",
        "Ratings by genre",
        finding,
        ("genre", "level", "songs", "ratings", "share"),
        [
            (
                row["name"],
                str(row["level"]),
                number(row["songs"]),
                number(row["count"]),
                share(row["count"] / total, 3),
            )
            for row in ranked
        ],
        charts.bars(
            "genre-counts",
            alt,
            [row["name"] for row in ranked[:_SHOWN]],
            [row["count"] for row in ranked[:_SHOWN]],
            log=True,
            x="ratings, logarithmic",
        ),
        f"{reference.NAME}: about {reference.UNKNOWN_GENRE_SHARE:.0%} Unknown." if like_r2 else "",
    )


def _means(own: TableRows) -> Card:
    shown = sorted(_most_rated(own)[:_SHOWN], key=lambda row: -float(row["mean"]))
    best, worst = shown[0], shown[-1]
    finding = (
        f"Of the {len(shown)} genres with most ratings {best['name']} is liked best, at "
        f"{best['mean']:.2f} stars, and {worst['name']} least, at {worst['mean']:.2f}."
        if best["mean"] > worst["mean"]
        else f"The genres with most ratings are liked alike, at {best['mean']:.2f} stars."
    )
    alt = "Mean rating of the genres with most ratings: " + ", ".join(
        f"{row['name']} {row['mean']:.2f}" for row in shown
    )
    means = sorted(_most_rated(own), key=lambda row: -float(row["mean"]))
    return Card(
        "genre-means",
        "Mean rating by genre",
        finding,
        ("genre", "mean rating", "ratings"),
        [(row["name"], number(row["mean"], 4), number(row["count"])) for row in means],
        charts.bars(
            "genre-means",
            alt,
            [row["name"] for row in shown],
            [row["mean"] for row in shown],
            text=lambda v: f"{v:.2f}",
            x="mean rating, stars",
        ),
    )


def _top_ten(rows: TableRows, scale: Scale) -> Card:
    stars = scale.values.tolist()
    ranks = {(row["genre_id"], row["rating"]): row for row in rows}
    names = {r["genre_id"]: r["name"] for r in sorted(rows, key=lambda r: int(r["rank"]))}
    given = {row["rating"] for row in rows}
    everywhere = [genre for genre in names if all((genre, r) in ranks for r in given)]
    finding = (
        f"{len(everywhere)} genres are among the ten biggest of every rating; "
        f"{len(names) - len(everywhere)} are of some only (empty cells)."
    )
    table = [
        (f"{rating:g}", *(f"{r['name']} ({number(r['count'])})" for r in _in_order(rows, rating)))
        for rating in stars
    ]
    largest = max(math.log(row["count"]) for row in rows)
    counts = [[_count(ranks.get((genre, r))) for r in stars] for genre in names]
    alt = "The ten genres with most ratings for each rating. " + "; ".join(
        f"{rating:g}: " + ", ".join(r["name"] for r in _in_order(rows, rating)) for rating in stars
    )
    return Card(
        "top-genres",
        "The ten biggest genres of each rating",
        finding,
        ("rating", *(f"{rank}." for rank in range(1, 11))),
        [(*row, *[""] * (11 - len(row))) for row in table],
        charts.cells(
            "top-genres",
            alt,
            list(names.values()),
            [f"{r:g}" for r in stars],
            counts,
            text=short,
            strength=lambda n: math.log(n) / largest if largest else 1.0,
            x="rating, stars",
        ),
    )


def _in_order(rows: TableRows, rating: float) -> list[TableRow]:
    return sorted(where(rows, rating=rating), key=lambda row: int(row["rank"]))


def _count(row: TableRow | None) -> float | None:
    return None if row is None else float(row["count"])


def _hierarchy(own: TableRows, tops: TableRows) -> Card:
    ranked = sorted(tops, key=lambda row: (-row["songs"], row["genre_id"]))
    levels = {level: len(where(own, level=level)) for level in sorted({r["level"] for r in own})}
    empty = sum(not row["songs"] for row in own)
    finding = (
        f"{len(own)} genres ("
        + ", ".join(f"{n} at level {level}" for level, n in levels.items())
        + f"); {empty} of them have no song of their own."
    )
    rows = []
    for top in ranked:
        below = [row for row in own if row["top_genre_id"] == top["genre_id"]]
        rows.append(_line(top, f"{top['name']}, all", ""))
        below.sort(key=lambda row: (row["level"], -row["songs"], row["genre_id"]))
        rows += [_line(row, row["name"], "\u2003" * row["level"]) for row in below]
    shown = ranked[:_SHOWN]
    alt = "Songs by top-level genre, all below it counted: " + ", ".join(
        f"{row['name']} {number(row['songs'])}" for row in shown
    )
    return Card(
        "hierarchy",
        "The genre hierarchy",
        finding,
        ("genre", "level", "songs", "ratings", "mean rating"),
        rows,
        charts.bars(
            "hierarchy",
            alt,
            [row["name"] for row in shown],
            [row["songs"] for row in shown],
            log=True,
            x="songs, logarithmic",
        ),
    )


def _line(row: TableRow, name: str, indent: str) -> tuple[str, ...]:
    cells = (number(row["songs"]), number(row["count"]), number(row["mean"], 3))
    return f"{indent}{name}", str(row["level"]), *cells
