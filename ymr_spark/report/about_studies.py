"""Cards on what runs on request only: models by the rows they saw, and searches."""

import json

from ymr_spark.evaluation.leaderboard import Leaderboard
from ymr_spark.report import about_models, charts
from ymr_spark.report.card import Card, TableRows, number, short, where


def cards(board: Leaderboard, by_size: TableRows, search: TableRows) -> list[Card]:
    """
    Args:
        board: reports/leaderboard.json.
        by_size, search: schemas.BY_SIZE and SEARCH rows, none where the job did not run.
    """
    found = [_size(by_size, board)] if by_size else []
    searched = sorted({row["model"] for row in search if row["validation_mse"] is not None})
    return found + [_grid(model, where(search, model=model)) for model in searched]


def _size(by_size: TableRows, board: Leaderboard) -> Card:
    names = sorted({row["model"] for row in by_size})
    curves = {
        n: sorted((r["train_rows"], r["mse"]) for r in where(by_size, model=n)) for n in names
    }
    sizes = sorted({row["train_rows"] for row in by_size})
    winners = [
        (size, min(where(by_size, train_rows=size), key=lambda row: float(row["mse"])))
        for size in sizes
    ]
    finding = "Least test error with " + ", with ".join(
        f"{short(size)} rows: {row['model']}, {row['mse']:.4f}" for size, row in winners
    )
    levels = about_models.levels(board)
    return Card(
        "by-size",
        "By form, or by the rows seen",
        finding + ".",
        ("train rows", *names),
        [
            (number(size), *(number(dict(curves[n]).get(size), 4) for n in names))
            for size in sizes
        ],
        charts.lines(
            "by-size",
            finding,
            {n: tuple(zip(*curves[n], strict=True)) for n in names if n != "bias"},  # type: ignore[misc]
            x="train rows",
            y="test MSE, stars squared",
            y_text=lambda v: f"{v:g}",
            levels=levels,
            dots=True,
            log="x",
        ),
        "Each model is fitted anew to nested samples of the same train rows and scored on the same "
        "test rows: jobs/compare_by_size.py.",
    )  # fmt: skip


def _grid(model: str, search: TableRows) -> Card:
    name = f"search-{model.replace('_', '-')}"
    trials = sorted({row["trial"] for row in search})
    last = max(row["epoch"] for row in search)
    found = {(row["trial"], row["epoch"]): row["validation_mse"] for row in search}
    labels = [_parameters(where(search, trial=trial)[0]["parameters"]) for trial in trials]
    judged = [row for row in search if row["validation_mse"] is not None]
    best = min(judged, key=lambda row: float(row["validation_mse"]))
    low = float(best["validation_mse"])
    high = sorted(float(row["validation_mse"]) for row in judged)[len(judged) * 3 // 4]
    finding = (
        f"{model} is best with {_parameters(best['parameters'])} after {best['epoch']}: "
        f"cross-validated MSE {low:.4f}"
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
            strength=lambda v: min(1.0, (v - low) / (high - low)) if high > low else 0.0,
            x="epoch or iteration",
        ),
    )


def _parameters(text: str) -> str:
    return ", ".join(f"{key} {value:.3g}" for key, value in json.loads(text).items())
