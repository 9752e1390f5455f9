"""Cards on the ratings themselves: values, splits, levels, the describe table, correlations."""

from collections.abc import Mapping

from ymr_spark.report import charts, reference
from ymr_spark.report.card import Card, Rows, by, number, share, weighted_mean, where

_STARS = range(1, 6)
_SPLITS = {"train": "train", "validation": "validation", "test": "test"}
_STATISTICS = ("count", "mean", "stddev", "min", "q25", "q50", "q75", "max")
_SHORT_NAMES = {
    "rating": "rating",
    "genre_id": "genre",
    "parent_genre_id": "parent\ngenre",
    "level": "level",
    "user_activity": "user\nactivity",
    "song_popularity": "song\npopularity",
}


def cards(tables: Mapping[str, Rows]) -> list[Card]:
    values = tables["summary_values"]
    return [
        _ratings(where(values, split="train_files", column="rating")),
        _splits(where(values, column="rating")),
        _levels(where(values, split="train_files", column="level")),
        _described(where(tables["summary_columns"], split="train_files")),
        _correlations(where(tables["summary_correlations"], split="train_files")),
    ]


def _ratings(rows: Rows) -> Card:
    shares, counts = by(rows, "value", "share"), by(rows, "value", "count")
    found = [shares.get(r, 0.0) for r in _STARS]
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    extremes = shares.get(1, 0.0) + shares.get(5, 0.0)
    finding = (
        f"{share(extremes, 0)} of the ratings in the train files are 1 or 5; {most} is given "
        f"{shares[most] / shares[least]:.1f} times as often as {least}."
        if most != least
        else f"All ratings in the train files are {most}."
    )
    alt = "Share of each rating: " + ", ".join(
        f"{r} {share(s)}" for r, s in zip(_STARS, found, strict=True)
    )
    published = [reference.RATING_SHARES[r] for r in _STARS]
    return Card(
        "ratings",
        "How people rate",
        finding,
        ("rating", "count", "share", reference.NAME),
        [
            (str(r), number(counts.get(r, 0)), share(s, 2), share(p))
            for r, s, p in zip(_STARS, found, published, strict=True)
        ],
        charts.columns(
            "ratings",
            alt,
            [str(r) for r in _STARS],
            {"this data": found},
            reference=(reference.NAME, published),
            x="rating, stars",
        ),
    )


def _splits(rows: Rows) -> Card:
    shares = {split: by(where(rows, split=split), "value", "share") for split in _SPLITS}
    mean = {s: weighted_mean(shares[s].items()) for s in _SPLITS if shares[s]}
    shift = mean["test"] - mean["train"]
    finding = (
        f"The mean is {mean['train']:.2f} in train and {mean['test']:.2f} in test, "
        f"{abs(shift):.2f} {'more' if shift >= 0 else 'less'}: test and validation have as many "
        f"ratings of each user, train has most from the heaviest raters."
    )
    series = {s: [shares[s].get(r, 0.0) for r in _STARS] for s in mean}
    rows_ = [(str(r), *(share(series[s][r - 1], 2) for s in mean)) for r in _STARS]
    means = ("mean", *(number(m, 4) for m in mean.values()))
    alt = "Share of each rating by split; means: " + ", ".join(
        f"{s} {m:.2f}" for s, m in mean.items()
    )
    return Card(
        "splits",
        "Train against validation against test",
        finding,
        ("rating", *mean),
        [*rows_, means],
        charts.columns("splits", alt, [str(r) for r in _STARS], series, x="rating, stars"),
        f"{reference.NAME}: test mean about {reference.TEST_MEAN}, train mean "
        f"{reference.COLUMNS['rating']['mean']:.2f}.",
    )


def _levels(rows: Rows) -> Card:
    ordered = sorted(rows, key=lambda row: int(row["value"]))
    first = ordered[0]
    finding = (
        f"{share(first['share'], 2)} of the ratings are of songs with a genre of level "
        f"{first['value']}; the deeper levels have {number(sum(r['count'] for r in ordered[1:]))}."
    )
    labels = [f"level {row['value']}" for row in ordered]
    counts = [row["count"] for row in ordered]
    alt = "Ratings by level: " + ", ".join(
        f"{label} {number(n)}" for label, n in zip(labels, counts, strict=True)
    )
    return Card(
        "levels",
        "Levels of the genre hierarchy",
        finding,
        ("level", "ratings", "share"),
        [(str(r["value"]), number(r["count"]), share(r["share"], 3)) for r in ordered],
        charts.bars("levels", alt, labels, counts, log=True, x="ratings, logarithmic"),
    )


def _described(rows: Rows) -> Card:
    columns = {row["column"]: row for row in rows}
    order = [c for c in ("rating", "genre_id", "parent_genre_id", "level") if c in columns]
    published = {c: reference.COLUMNS.get(c, {}) for c in order}
    rating = columns["rating"]
    finding = (
        f"{number(rating['count'])} ratings in the train files have mean {rating['mean']:.4f} and "
        f"standard deviation {number(rating['stddev'], 4)}; half of all genre ids are "
        f"{columns['genre_id']['q50']:.0f}."
    )
    cells = [
        (
            f"{c} {s}",
            number(columns[c][s], 0 if s == "count" else 6),
            number(published[c].get(s), 0 if s == "count" else 6),
        )
        for c in order
        for s in _STATISTICS
    ]
    return Card(
        "described",
        "The columns, joined for each rating",
        finding,
        ("statistic", "this data", reference.NAME),
        cells,
    )


def _correlations(rows: Rows) -> Card:
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
        ("pair", "correlation", reference.NAME),
        [
            (
                f"{_flat(a)} – {_flat(b)}",
                number(found[a, b], 6),
                number(published.get(frozenset((a, b))), 6),
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


def _flat(column: str) -> str:
    return _SHORT_NAMES[column].replace("\n", " ")
