"""Cards on what runs on request only: models by the rows they saw, and searches."""

import json
from collections.abc import Mapping
from typing import Any

from ymr_spark.records.leaderboard import Leaderboard
from ymr_spark.report import about_models, charts
from ymr_spark.report.card import Card, TableRows, number, short, where


def cards(board: Leaderboard, by_size: TableRows, search: TableRows) -> list[Card]:
    """
    Args:
        board: reports/leaderboard.json.
        by_size, search: schemas.BY_SIZE and SEARCH rows, none where the job did not run.
    """
    searched = sorted({row["model"] for row in search if _judged(row) is not None})
    return [
        *_size(by_size, board, "mse"),
        *_size(by_size, board, "ndcg_100"),
        *(_grid(model, where(search, model=model)) for model in searched),
    ]


def _size(by_size: TableRows, board: Leaderboard, metric: str) -> list[Card]:
    judged = [row for row in by_size if row.get(metric) is not None]
    if not judged:
        return []
    names = sorted({row["model"] for row in judged})
    curves = {
        n: sorted((r["train_rows"], r[metric]) for r in where(judged, model=n)) for n in names
    }
    sizes = sorted({row["train_rows"] for row in judged})
    lists = metric == "ndcg_100"
    best = max if lists else min
    winners = [
        (size, best(where(judged, train_rows=size), key=lambda row: float(row[metric])))
        for size in sizes
    ]
    finding = ("Best lists with " if lists else "Least test error with ") + ", with ".join(
        f"{short(size)} rows: {row['model']}, {row[metric]:.4f}" for size, row in winners
    )
    name = "by-size-lists" if lists else "by-size"
    return [
        Card(
            name,
            "Lists by the rows seen" if lists else "By form, or by the rows seen",
            finding + ".",
            ("train rows", *names),
            [
                (number(size), *(number(dict(curves[n]).get(size), 4) for n in names))
                for size in sizes
            ],
            charts.lines(
                name,
                finding,
                {n: tuple(zip(*curves[n], strict=True)) for n in names if n != "bias"},  # type: ignore[misc]
                x="train rows",
                y="NDCG@100" if lists else "test MSE, stars squared",
                y_text=lambda v: f"{v:g}",
                levels={} if lists else about_models.levels(board),
                dots=True,
                log="x",
            ),
            "Each model is fitted anew to nested samples of the same train rows and judged by the "
            "same test rows: jobs/compare_by_size.py.",
        )
    ]  # fmt: skip


def _judged(row: Mapping[str, Any]) -> float | None:
    """The error of a trial's epoch, or what its lists are worth."""
    error: float | None = row["validation_mse"]
    found: float | None = row.get("validation_ndcg")
    return error if found is None else found


def _grid(model: str, search: TableRows) -> Card:
    name = f"search-{model.replace('_', '-')}"
    trials = sorted({row["trial"] for row in search})
    last = max(row["epoch"] for row in search)
    found = {(row["trial"], row["epoch"]): _judged(row) for row in search}
    labels = [_parameters(where(search, trial=trial)[0]["parameters"]) for trial in trials]
    lists = any(row.get("validation_ndcg") is not None for row in search)
    sign = -1 if lists else 1
    judged = [(sign * value, row) for row in search if (value := _judged(row)) is not None]
    least, best = min(judged, key=lambda found: found[0])
    most = sorted(error for error, _ in judged)[len(judged) * 3 // 4]
    finding = (
        f"{model} is best with {_parameters(best['parameters'])} after {best['epoch']}: "
        f"cross-validated {'NDCG' if lists else 'MSE'} {sign * least:.4f}"
    )
    epochs = range(1, last + 1)
    values = [[found.get((trial, epoch)) for epoch in epochs] for trial in trials]
    return Card(
        name,
        f"{model}: the search over hyperparameters",
        finding + ".",
        ("parameters", *(str(epoch) for epoch in epochs)),
        [
            (label, *(number(value, 4) for value in row))
            for label, row in zip(labels, values, strict=True)
        ],
        charts.cells(
            name,
            finding,
            labels,
            [str(epoch) for epoch in epochs],
            values,
            text=lambda v: f"{v:.2f}",
            strength=lambda v: (
                min(1.0, (sign * v - least) / (most - least)) if most > least else 0.0
            ),
            x="epoch or iteration",
        ),
    )


def _parameters(text: str) -> str:
    return ", ".join(f"{key} {value:.3g}" for key, value in json.loads(text).items())
