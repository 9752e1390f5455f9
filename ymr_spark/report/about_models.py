"""Cards on the models: the leaderboard, learning curves, what each stage cost."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ymr_spark.report import charts, reference
from ymr_spark.report.card import Card, interval, number, share

Board = Mapping[str, Any]
Manifest = Mapping[str, Any]


def cards(board: Board, manifests: Sequence[Manifest]) -> list[Card]:
    """
    Args:
        board: reports/leaderboard.json.
        manifests: of the stages' last runs, in the pipeline's order.
    """
    return [_leaderboard(board), *_curves(manifests, board), _cost(manifests)]


def _leaderboard(board: Board) -> Card:
    models = board["models"]
    best, next_ = models[0], models[min(1, len(models) - 1)]
    apart = best["group"] < next_["group"]
    finding = f"{best['name']} has the least test error, MSE {best['mse']:.4f}"
    if next_ is not best:
        finding += f"; {next_['name']} follows with {next_['mse']:.4f}, " + (
            "worse beyond chance"
            if apart
            else "but the users are too few to tell that from chance"
            if best["mse_low"] is None
            else "a difference that these rows cannot tell from chance"
        )
    closed = _closed(board)
    if best["name"] in closed:
        finding += f". It closes {closed[best['name']]:.0%} of the distance from bias to the floor"
    levels = {"planted floor": board["floor_mse"]} if "floor_mse" in board else {}
    shown = [m for m in models if m["mse"] <= 1.5 * _baseline(board)]
    alt = "Test MSE: " + ", ".join(f"{m['name']} {m['mse']:.4f}" for m in models)
    table = [
        (
            m["name"],
            str(m["group"]),
            number(m["mse"], 4),
            interval(m["mse_low"], m["mse_high"]),
            number(m["rmse"], 4),
            number(m["mae"], 4),
            share(closed[m["name"]]) if m["name"] in closed else "–",
            share(m["fallback_share"], 2),
            number(m["fit_seconds"]),
        )
        for m in models
    ]
    published = "; ".join(f"{name} {mse}" for name, mse in reference.MODELS_MSE.items())
    return Card(
        "leaderboard",
        "All models on the same held-out rows",
        finding + ".",
        (
            *("model", "group", "MSE", "95 % interval", "RMSE", "MAE"),
            *("of bias to floor", "fallback", "fit, seconds"),
        ),
        table,
        charts.intervals(
            "leaderboard",
            alt,
            [m["name"] for m in shown],
            [(m["mse"], m["mse_low"], m["mse_high"]) for m in shown],
            levels=levels,
            x=f"test MSE, stars squared, on {board['test_rows']:,} rows",
        ),
        f"Models of one group cannot be told apart: the 95 % interval of their difference, users "
        f"resampled alike for both, includes 0. Published on R2's own test rows, fitted on "
        f"differing rows, and so no comparison: {published}.",
    )


def _baseline(board: Board) -> float:
    """The constant model's error; models far above it would squeeze the chart."""
    found = {m["name"]: float(m["mse"]) for m in board["models"]}
    return found.get("constant", max(found.values()))


def _closed(board: Board) -> dict[str, float]:
    """For models better than bias: the share of the distance from its MSE to the floor."""
    mse = {m["name"]: float(m["mse"]) for m in board["models"]}
    if "floor_mse" not in board or "bias" not in mse:
        return {}
    distance = mse["bias"] - board["floor_mse"]
    if distance <= 0:
        return {}
    return {name: (mse["bias"] - e) / distance for name, e in mse.items() if e < mse["bias"]}


def _curves(manifests: Sequence[Manifest], board: Board) -> list[Card]:
    curves = {}
    for manifest in manifests:
        if manifest.get("learning_curve"):
            curves[manifest["model"]] = manifest["learning_curve"]
    return [_curve(name, curve, board) for name, curve in curves.items()]


def _curve(name: str, curve: Sequence[Mapping[str, Any]], board: Board) -> Card:
    step = next(key for key in curve[0] if key in ("epoch", "iteration"))
    at = [point[step] for point in curve]
    train = [point["train_mse"] for point in curve if "train_mse" in point]
    validation = [point["validation_mse"] for point in curve]
    finding = _least(step, at, validation, train)
    series = {"validation": (at, _drawn(validation))}
    series |= {"train": (at, _drawn(train))} if train else {}
    seconds = [point.get("seconds") for point in curve]
    levels = {"planted floor": board["floor_mse"]} if "floor_mse" in board else {}
    return Card(
        f"curve-{name.replace('_', '-')}",
        f"{name}: error by {step}",
        finding,
        (step, "validation MSE", *(["train MSE"] if train else []), "seconds"),
        [
            (
                str(at[i]),
                number(validation[i], 4),
                *([number(train[i], 4)] if train else []),
                number(seconds[i], 1),
            )
            for i in range(len(curve))
        ],
        charts.lines(
            f"curve-{name.replace('_', '-')}",
            f"Error of {name} by {step}. {finding}",
            series,
            x=step,
            y="MSE, stars squared",
            y_text=lambda v: f"{v:g}",
            x_text=lambda v: f"{v:g}",
            levels=levels,
            dots=True,
        ),
    )


def _drawn(values: Sequence[float | None]) -> list[float]:
    """A gap in the line where there is no finite number."""
    return [math.nan if value is None else value for value in values]


def _least(
    step: str, at: Sequence[int], validation: Sequence[float | None], train: Sequence[float | None]
) -> str:
    judged = {i: mse for i, mse in enumerate(validation) if mse is not None}
    if not judged:
        return f"No {step} has a finite validation error."
    best = min(judged, key=judged.__getitem__)
    found = f"The validation error is least after {step} {at[best]}, MSE {judged[best]:.4f}"
    if train:
        found += f", with {number(train[best], 4)} on train"
    if at[-1] > at[best]:
        found += f", and rises to {number(validation[-1], 4)} by {step} {at[-1]}"
    return found + "."


def _cost(manifests: Sequence[Manifest]) -> Card:
    seconds = {m["stage"]: float(m["job_seconds"]) for m in manifests}
    longest = max(seconds, key=seconds.__getitem__)
    memory = max(float(m["peak_memory_mib"]) for m in manifests) / 1024
    total = sum(seconds.values())
    finding = (
        f"{_duration(total)} in all, {share(seconds[longest] / total, 0)} of it {longest}; never "
        f"more than {memory:.1f} GiB of memory."
    )
    alt = "Seconds by stage: " + ", ".join(f"{s} {t:.0f}" for s, t in seconds.items())
    return Card(
        "cost",
        "What each stage cost",
        finding,
        ("stage", "seconds", "peak memory, MiB", "rows"),
        [
            (
                m["stage"],
                number(m["job_seconds"], 1),
                number(m["peak_memory_mib"]),
                number(m.get("rows")),
            )
            for m in manifests
        ],
        charts.bars(
            "cost", alt, list(seconds), list(seconds.values()), text=lambda v: f"{v:.0f}",
            x="seconds, of each stage's last run",
        ),
    )  # fmt: skip


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
