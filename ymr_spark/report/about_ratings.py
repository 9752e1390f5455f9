"""Cards on the ratings themselves: values, splits, levels, the describe table, correlations."""

from collections.abc import Mapping

from ymr_spark.report import about_genres, charts, reference
from ymr_spark.report.card import Card, TableRow, TableRows, by, number, share, weighted_mean, where
from ymr_spark.scale import Scale

_SPLITS = {"train": "train", "validation": "validation", "test": "test"}
_GENRE_COLUMNS = ("genre_id", "parent_genre_id", "level")
_STATISTICS = ("count", "mean", "stddev", "min", "q25", "q50", "q75", "max")
_SHORT_NAMES = {
    "rating": "rating",
    "genre_id": "genre",
    "parent_genre_id": "parent\ngenre",
    "level": "level",
    "user_activity": "user\nactivity",
    "song_popularity": "song\npopularity",
}


def cards(tables: Mapping[str, TableRows], scale: Scale, like_r2: bool) -> list[Card]:
    """All cards of this file, of the summary tables.

    Args:
        like_r2: whether published figures of R2 are shown beside these.
    """
    values, genres = tables["summary_values"], about_genres.has_genres(tables)
    levels = where(values, split="train_files", column="level")
    described, correlations = (
        [r for r in where(tables[t], split="train_files") if genres or not _of_genre(r)]
        for t in ("summary_columns", "summary_correlations")
    )
    return [
        _ratings(where(values, split="train_files", column="rating"), scale, like_r2),
        _splits(where(values, column="rating"), scale, like_r2),
        *([_levels(levels)] if genres else []),
        _described(described, like_r2),
        _correlations(correlations, like_r2),
    ]


def _of_genre(row: TableRow) -> bool:
    return not {row["column"], row.get("other")}.isdisjoint(_GENRE_COLUMNS)


def _ratings(rows: TableRows, scale: Scale, like_r2: bool) -> Card:
    stars = scale.values.tolist()
    shares, counts = by(rows, "value", "share"), by(rows, "value", "count")
    found = [shares.get(r, 0.0) for r in stars]
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    extremes = found[0] + found[-1]
    finding = (
        f"{share(extremes, 0)} of the ratings in the train files are {scale.lowest:g} or "
        f"{scale.highest:g}; {most:g} is given {shares[most] / shares[least]:.1f} times as often "
        f"as {least:g}."
        if most != least
        else f"All ratings in the train files are {most:g}."
    )
    alt = "Share of each rating: " + ", ".join(
        f"{r:g} {share(s)}" for r, s in zip(stars, found, strict=True)
    )
    published = [reference.RATING_SHARES[r] for r in stars] if like_r2 else []
    table = [
        (f"{r:g}", number(counts.get(r, 0)), share(s, 2)) for r, s in zip(stars, found, strict=True)
    ]
    return Card(
        "ratings",
        "How people rate",
        finding,
        ("rating", "count", "share", *_published(like_r2)),
        [(*row, *map(share, published[i : i + 1])) for i, row in enumerate(table)],
        charts.columns(
            "ratings",
            alt,
            [f"{r:g}" for r in stars],
            {"this data": found},
            reference=(reference.NAME, published) if like_r2 else None,
            x="rating, stars",
        ),
    )


def _splits(rows: TableRows, scale: Scale, like_r2: bool) -> Card:
    stars = scale.values.tolist()
    shares = {split: by(where(rows, split=split), "value", "share") for split in _SPLITS}
    mean = {s: weighted_mean(shares[s].items()) for s in _SPLITS if shares[s]}
    shift = mean["test"] - mean["train"]
    finding = (
        f"The mean is {mean['train']:.2f} in train and {mean['test']:.2f} in test, "
        f"{abs(shift):.2f} {'more' if shift >= 0 else 'less'}: test and validation have as many "
        f"ratings of each user, train has most from the heaviest raters."
    )
    series = {s: [shares[s].get(r, 0.0) for r in stars] for s in mean}
    rows_ = [(f"{r:g}", *(share(shares[s].get(r, 0.0), 2) for s in mean)) for r in stars]
    means = ("mean", *(number(m, 4) for m in mean.values()))
    alt = "Share of each rating by split; means: " + ", ".join(
        f"{s} {m:.2f}" for s, m in mean.items()
    )
    note = (
        f"{reference.NAME}: test mean about {reference.TEST_MEAN}, train mean "
        f"{reference.COLUMNS['rating']['mean']:.2f}."
    )
    return Card(
        "splits",
        "Train against validation against test",
        finding,
        ("rating", *mean),
        [*rows_, means],
        charts.columns("splits", alt, [f"{r:g}" for r in stars], series, x="rating, stars"),
        note if like_r2 else "",
    )


def _levels(rows: TableRows) -> Card:
    ordered = sorted(rows, key=lambda row: int(row["value"]))
    first = ordered[0]
    deeper = number(sum(row["count"] for row in ordered[1:]))
    finding = (
        f"{share(first['share'], 2)} of the ratings are of songs with a genre of level "
        f"{first['value']:g}; the deeper levels have {deeper}."
    )
    labels = [f"level {row['value']:g}" for row in ordered]
    counts = [row["count"] for row in ordered]
    alt = "Ratings by level: " + ", ".join(
        f"{label} {number(n)}" for label, n in zip(labels, counts, strict=True)
    )
    return Card(
        "levels",
        "Levels of the genre hierarchy",
        finding,
        ("level", "ratings", "share"),
        [(f"{r['value']:g}", number(r["count"]), share(r["share"], 3)) for r in ordered],
        charts.bars("levels", alt, labels, counts, log=True, x="ratings, logarithmic"),
    )


def _described(rows: TableRows, like_r2: bool) -> Card:
    columns = {row["column"]: row for row in rows}
    order = [c for c in ("rating", *_GENRE_COLUMNS) if c in columns]
    rating = columns["rating"]
    finding = (
        f"{number(rating['count'])} ratings in the train files have mean {rating['mean']:.4f} and "
        f"standard deviation {number(rating['stddev'], 4)}"
    )
    if "genre_id" in columns:
        finding += f"; half of all genre ids are {columns['genre_id']['q50']:.0f}"
    sides: list[Mapping[str, TableRow]] = [columns, *([reference.COLUMNS] if like_r2 else [])]
    cells = [
        (f"{c} {s}", *(number(side.get(c, {}).get(s), 0 if s == "count" else 6) for side in sides))
        for c in order
        for s in _STATISTICS
    ]
    return Card(
        "described",
        "The columns, joined for each rating",
        finding + ".",
        ("statistic", "this data", *_published(like_r2)),
        cells,
    )


def _correlations(rows: TableRows, like_r2: bool) -> Card:
    found = {(r["column"], r["other"]): r["correlation"] for r in rows}
    names = [c for c in _SHORT_NAMES if (c, c) in found]
    with_rating = {
        c: found["rating", c] for c in names if c != "rating" and found["rating", c] is not None
    }
    finding = "No column varies together with the rating."
    if with_rating:
        strongest = max(with_rating, key=lambda c: abs(with_rating[c]))
        finding = (
            f"Of all columns {_flat(strongest)} goes most with the rating, at "
            f"r = {with_rating[strongest]:+.3f}"
        )
        if "genre_id" in with_rating:
            finding += f"; genres alone predict little (r = {with_rating['genre_id']:+.3f})"
        finding += "."
    matrix = [[found[a, b] for b in names] for a in names]
    published = {frozenset(pair): r for pair, r in reference.CORRELATIONS.items()}
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return Card(
        "correlations",
        "What goes with what",
        finding,
        ("pair", "correlation", *_published(like_r2)),
        [
            (
                f"{_flat(a)} – {_flat(b)}",
                number(found[a, b], 6),
                *([number(published.get(frozenset((a, b))), 6)] if like_r2 else []),
            )
            for a, b in pairs
        ],
        charts.cells(
            "correlations",
            "Correlation matrix over ratings. " + finding,
            [_SHORT_NAMES[c] for c in names],
            [_SHORT_NAMES[c] for c in names],
            matrix,
            text=lambda r: f"{r:.2f}",
        ),
    )


def _published(like_r2: bool) -> tuple[str, ...]:
    """The column of published figures, where there is one."""
    return (reference.NAME,) if like_r2 else ()


def _flat(column: str) -> str:
    return _SHORT_NAMES[column].replace("\n", " ")
