"""The comparison as one JSON object and as a table on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ymr_spark.evaluation import metrics

Identity = tuple[int, str]
Rows = Sequence[Mapping[str, Any]]


def entries(
    scored: Rows,
    pairs: Rows,
    orders: Rows,
    train: Identity,
    test: Identity,
    fit_seconds: Mapping[str, float],
) -> list[dict[str, Any]]:
    """The models of the leaderboard, best first.

    Args:
        scored, pairs: of `metrics.scores` and `metrics.differences`.
        orders: of `breakdown.orders`.
    """
    on_test = sorted((s for s in scored if s["split"] == "test"), key=lambda s: float(s["mse"]))
    groups = metrics.groups(on_test, [p for p in pairs if p["split"] == "test"])
    ordered = {row["model"]: row for row in orders if row["split"] == "test"}
    hashes = {"train_rows": train[0], "train_hash": train[1], "test_hash": test[1]}
    return [
        {"name": score["model"], "group": group, **score, **ordered[score["model"]], **hashes}
        | {"fit_seconds": fit_seconds[score["model"]]}
        for group, score in zip(groups, on_test, strict=True)
    ]


def leaderboard(
    models: Sequence[dict[str, Any]],
    ranking: Rows,
    train: Identity,
    test: Identity,
    floor_mse: float | None,
) -> dict[str, Any]:
    """reports/leaderboard.json: the models by MSE on the test rows, best first.

    Args:
        models: each with at least name, mse, group (equal for models that the test rows cannot
            tell apart), train_hash and test_hash.
        ranking: schemas.RANKING rows; in the board by NDCG, the best list first.
        train, test: rows and content hash of the rows that all were fitted and judged on.
        floor_mse: the irreducible MSE of planted data.
    """
    board: dict[str, Any] = {
        "train_rows": train[0],
        "train_hash": train[1],
        "test_rows": test[0],
        "test_hash": test[1],
    }
    best_first = sorted(models, key=lambda model: float(model["mse"]))
    if floor_mse is not None:
        board["floor_mse"] = floor_mse
        best_first = [model | {"excess_mse": model["mse"] - floor_mse} for model in best_first]
    return board | {
        "models": best_first,
        "ranking": sorted(ranking, key=lambda lists: -float(lists["ndcg"] or 0)),
    }


def show(board: Mapping[str, Any]) -> None:
    """Print the leaderboard."""
    title = f"{board['test_rows']:,} test rows, all models fitted on {board['train_rows']:,} rows"
    table = Table(title=title)
    for column in ("", "model", "MSE", "95 % interval", "RMSE", "MAE", "fallback", "fit"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for m in board["models"]:
        table.add_row(
            str(m["group"]),
            m["name"],
            f"{m['mse']:.4f}",
            "–" if m["mse_low"] is None else f"{m['mse_low']:.4f} – {m['mse_high']:.4f}",
            f"{m['rmse']:.4f}",
            f"{m['mae']:.4f}",
            f"{m['fallback_share']:.1%}",
            f"{m['fit_seconds']:.0f} s",
        )
    if "floor_mse" in board:
        table.add_row("", "planted floor", f"{board['floor_mse']:.4f}", style="dim")
    Console(width=None if Console().is_terminal else 100).print(table)
