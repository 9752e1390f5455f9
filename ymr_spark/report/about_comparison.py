"""Cards on the comparison: where each model wins, how well calibrated, in which order."""

from collections.abc import Mapping, Sequence

from ymr_spark.models import registry
from ymr_spark.records.leaderboard import Leaderboard
from ymr_spark.report import charts
from ymr_spark.report.card import (
    Card,
    TableRow,
    TableRows,
    by,
    interval,
    number,
    songs_called,
    users_called,
    where,
)
from ymr_spark.scale import Scale

_SLICES = {
    "activity": "Error by the user's number of train ratings",
    "popularity": "Error by the song's number of train ratings",
    "genre": "Error by genre",
}


def cards(board: Leaderboard, tables: Mapping[str, TableRows], scale: Scale) -> list[Card]:
    """
    Args:
        board: reports/leaderboard.json.
        tables: `slices` and `orders` of the test split; `sample`: some test ratings with the
            prediction of each of `rivals` under its name; `user_ids` and `song_ids` of these.
    """
    pair, slices = rivals(board), tables["slices"]
    found = [_slice(name, slices, pair) for name in _SLICES if _is_told(name, slices)]
    ends = scale.lowest, scale.highest
    sample = _sample(tables, pair)
    found += [_calibration(slices, pair, ends), _actual(slices, sample, pair, ends)]
    return [*found, *_order(tables["orders"], board)]


def _is_told(name: str, slices: TableRows) -> bool:
    """Whether there are rows of it; of one genre only there is nothing to tell."""
    bins = {row["bin"] for row in where(slices, slice=name)}
    return len(bins) > (1 if name == "genre" else 0)


def _sample(tables: Mapping[str, TableRows], pair: Sequence[str]) -> list[tuple[str, ...]]:
    users, songs = users_called(tables), songs_called(tables)
    return [
        (
            users.get(row["user_id"], str(row["user_id"])),
            songs.get(row["song_id"], str(row["song_id"])),
            f"{row['rating']:g}",
            *(number(row[m], 2) for m in pair),
        )
        for row in tables["sample"]
    ]


def rivals(board: Leaderboard) -> tuple[str, ...]:
    """The best classical and the best deep model, the better one first; where all are of one
    kind, the two best, and a model alone where there is no other.
    """
    names = board.names
    kinds = [registry.named(name).deep for name in names]
    if len(set(kinds)) < 2:
        return tuple(names[:2])
    first = {kind: names[kinds.index(kind)] for kind in set(kinds)}
    return tuple(sorted(first.values(), key=names.index))


def _slice(name: str, slices: TableRows, pair: Sequence[str]) -> Card:
    rows = where(slices, slice=name)
    models = [*pair, *(["bias"] if "bias" not in pair and where(rows, model="bias") else [])]
    mse = {m: {r["bin"]: r for r in where(rows, model=m)} for m in models}
    bins = sorted(mse[pair[0]])
    labels = [mse[pair[0]][b]["label"] for b in bins]
    excess = [b for b in bins if mse[pair[0]][b]["floor_mse"] is not None]
    finding = f"{pair[0]} alone, in {len(bins)} bins"
    if len(pair) > 1:
        wins = sum(mse[pair[0]][b]["mse"] < mse[pair[1]][b]["mse"] for b in bins)
        finding = f"{pair[0]} has a lower error than {pair[1]} in {wins} of {len(bins)} bins"
    if 0 in bins and name == "popularity":
        finding += _cold({model: found[0] for model, found in mse.items()})
    best, worst = (f([mse[m][b]["mse"] for m in models for b in bins]) for f in (min, max))
    return Card(
        name,
        _SLICES[name],
        finding + ".",
        (name, "rows", *models, *(["planted floor"] if excess else [])),
        [
            (
                label,
                number(mse[pair[0]][b]["rows"]),
                *(number(mse[m][b]["mse"], 4) for m in models),
                *([number(mse[pair[0]][b]["floor_mse"], 4)] if excess else []),
            )
            for b, label in zip(bins, labels, strict=True)
        ],
        charts.cells(
            name,
            f"{_SLICES[name]}. {finding}",
            labels,
            models,
            [[mse[m][b]["mse"] for m in models] for b in bins],
            text=lambda v: f"{v:.3f}",
            strength=lambda v: (v - best) / (worst - best) if worst > best else 0.0,
            x="test MSE, stars squared",
        ),
    )


def _cold(rows: Mapping[str, TableRow]) -> str:
    """Which model is best on songs that nobody rated, given each one's row of them."""
    best = min(rows, key=lambda model: float(rows[model]["mse"]))
    found = f"; on songs without train ratings {best} has the least, {rows[best]['mse']:.3f}"
    if rows[best]["mse_low"] is not None:
        found += f" ({interval(rows[best]['mse_low'], rows[best]['mse_high'], 3)})"
    if best != "bias" and "bias" in rows:
        found += f", bias {rows['bias']['mse']:.3f}"
    return found


def _calibration(slices: TableRows, pair: Sequence[str], ends: tuple[float, float]) -> Card:
    rows = where(slices, slice="prediction")
    points = {
        m: [(r["mean_prediction"], r["mean_rating"], r["rows"]) for r in where(rows, model=m)]
        for m in pair
    }
    off = {
        m: sum(abs(p - r) * n for p, r, n in points[m]) / sum(n for _, _, n in points[m])
        for m in pair
    }
    finding = "Predictions are off the mean rating of their bin by " + ", by ".join(
        f"{off[m]:.3f} stars on average for {m}" for m in pair
    )
    series = {m: tuple(zip(*((p, r) for p, r, _ in points[m]), strict=True)) for m in pair}
    return Card(
        "calibration",
        "Calibration: predicted against actual mean",
        finding + ".",
        ("model", "predictions", "mean prediction", "mean rating", "rows"),
        [
            (m, r["label"], number(r["mean_prediction"], 3), number(r["mean_rating"], 3),
             number(r["rows"]))
            for m in pair
            for r in where(rows, model=m)
        ],
        charts.lines(
            "calibration",
            finding,
            series | {"as predicted": (ends, ends)},  # type: ignore[arg-type]
            x="mean prediction, stars",
            y="mean rating, stars",
            y_text=lambda v: f"{v:g}",
            x_text=lambda v: f"{v:g}",
        ),
    )  # fmt: skip


def _actual(
    slices: TableRows,
    sample: Sequence[tuple[str, ...]],
    pair: Sequence[str],
    ends: tuple[float, float],
) -> Card:
    means = {
        m: by(where(slices, slice="rating", model=m), "label", "mean_prediction") for m in pair
    }
    spans = {m: max(v.values()) - min(v.values()) for m, v in means.items()}
    finding = "From the lowest rating to the highest the mean prediction rises by " + ", by ".join(
        f"{spans[m]:.2f} stars for {m}" for m in pair
    )
    series = {m: ([float(k) for k in v], [*v.values()]) for m, v in means.items()}
    return Card(
        "predicted-actual",
        "Predicted against actual, and twenty test rows",
        finding + ".",
        ("user", "song", "rating", *pair),
        sample,
        charts.lines(
            "predicted-actual",
            finding,
            series | {"as rated": ([*ends], [*ends])},
            x="actual rating, stars",
            y="mean prediction, stars",
            x_text=lambda v: f"{v:g}",
            y_text=lambda v: f"{v:g}",
        ),
    )


def _order(orders: TableRows, board: Leaderboard) -> list[Card]:
    """None where no user has two different ratings to put in order."""
    names = board.names
    rows = sorted(orders, key=lambda row: names.index(row["model"]))
    judged = [row for row in rows if row["pairwise"] is not None]
    if not judged:
        return []
    best = max(judged, key=lambda row: float(row["pairwise"]))
    finding = (
        f"{best['model']} puts {best['pairwise']:.1%} of a user's pairs of differently rated "
        "held-out songs in the right order"
    )
    card = Card(
        "orders",
        "The order of each user's held-out songs",
        finding + ".",
        ("model", f"NDCG@{rows[0]['k']}", "95 % interval", "pairs in order", "95 % interval"),
        [
            (
                row["model"],
                number(row["ndcg"], 4),
                interval(row["ndcg_low"], row["ndcg_high"]),
                number(row["pairwise"], 4),
                interval(row["pairwise_low"], row["pairwise_high"]),
            )
            for row in judged
        ],
        charts.intervals(
            "orders",
            finding,
            [row["model"] for row in judged],
            [(row["pairwise"], row["pairwise_low"], row["pairwise_high"]) for row in judged],
            levels={"by chance": 0.5},
            x="share of pairs in the right order, test",
        ),
    )
    return [card]
