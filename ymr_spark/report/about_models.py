"""Cards on the models: the leaderboard, learning curves, what each stage cost."""

import math
from collections.abc import Sequence

from ymr_spark.models import registry
from ymr_spark.records.figures import Trained
from ymr_spark.records.leaderboard import Leaderboard
from ymr_spark.records.learning_curve import Curve
from ymr_spark.records.manifest import Manifest
from ymr_spark.report import charts, reference
from ymr_spark.report.card import Card, interval, number, share


def cards(board: Leaderboard, manifests: Sequence[Manifest], like_r2: bool) -> list[Card]:
    """
    Args:
        board: reports/leaderboard.json.
        manifests: of the stages' last runs, in the pipeline's order.
        like_r2: whether published figures of R2 are shown beside these.
    """
    return [_leaderboard(board, like_r2), *_curves(manifests, board), _cost(manifests)]


def _leaderboard(board: Leaderboard, like_r2: bool) -> Card:
    models = board.models
    best, next_ = models[0], models[min(1, len(models) - 1)]
    apart = best.group < next_.group
    finding = f"{best.name} has the least test error, MSE {best.mse:.4f}"
    if next_ is not best:
        finding += f"; {next_.name} follows with {next_.mse:.4f}, " + (
            "worse beyond chance"
            if apart
            else "but the users are too few to tell that from chance"
            if best.mse_low is None
            else "a difference that these rows cannot tell from chance"
        )
    closed = _closed(board)
    if best.name in closed:
        finding += f". It closes {closed[best.name]:.0%} of the distance from bias to the floor"
    shown = [m for m in models if m.mse <= 1.5 * _baseline(board)]
    alt = "Test MSE: " + ", ".join(f"{m.name} {m.mse:.4f}" for m in models)
    table = [
        (
            m.name,
            str(m.group),
            number(m.mse, 4),
            interval(m.mse_low, m.mse_high),
            number(m.rmse, 4),
            number(m.mae, 4),
            share(closed[m.name]) if m.name in closed else "–",
            share(m.fallback_share, 2),
            number(m.fit_seconds),
        )
        for m in models
    ]
    note = (
        "Models of one group cannot be told apart: the 95 % interval of their difference, users "
        "resampled alike for both, includes 0."
    )
    if like_r2:
        published = "; ".join(f"{name} {mse}" for name, mse in reference.MODELS_MSE.items())
        note += (
            " Published on R2's own test rows, fitted on differing rows, and so no comparison: "
            f"{published}."
        )
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
            [m.name for m in shown],
            [(m.mse, m.mse_low, m.mse_high) for m in shown],
            levels=levels(board),
            x=f"test MSE, stars squared, on {board.test_rows:,} rows",
        ),
        note,
    )


def levels(board: Leaderboard) -> dict[str, float]:
    """Lines to draw across charts of errors."""
    return {} if board.floor_mse is None else {"planted floor": board.floor_mse}


def _baseline(board: Leaderboard) -> float:
    """The constant model's error; models far above it would squeeze the chart."""
    return board.mse.get("constant", max(board.mse.values()))


def _closed(board: Leaderboard) -> dict[str, float]:
    """For models better than bias: the share of the distance from its MSE to the floor."""
    mse = board.mse
    if board.floor_mse is None or "bias" not in mse:
        return {}
    distance = mse["bias"] - board.floor_mse
    if distance <= 0:
        return {}
    return {name: (mse["bias"] - e) / distance for name, e in mse.items() if e < mse["bias"]}


def _curves(manifests: Sequence[Manifest], board: Leaderboard) -> list[Card]:
    trained = [m.figures for m in manifests if isinstance(m.figures, Trained)]
    return [_curve(t.model, t.learning_curve, board) for t in trained if t.learning_curve]


def _curve(name: str, curve: Curve, board: Leaderboard) -> Card:
    step = "epoch" if registry.named(name).deep else "iteration"
    at = [point.epoch for point in curve]
    train = [point.train_mse for point in curve]
    validation = [point.validation_mse for point in curve]
    finding = _least(step, at, validation, train)
    series = {"validation": (at, _drawn(validation))}
    series |= {"train": (at, _drawn(train))}
    return Card(
        f"curve-{name.replace('_', '-')}",
        f"{name}: error by {step}",
        finding,
        (step, "validation MSE", "train MSE", "seconds"),
        [
            (
                str(point.epoch),
                number(point.validation_mse, 4),
                number(point.train_mse, 4),
                number(point.seconds, 1),
            )
            for point in curve
        ],
        charts.lines(
            f"curve-{name.replace('_', '-')}",
            f"Error of {name} by {step}. {finding}",
            series,
            x=step,
            y="MSE, stars squared",
            y_text=lambda v: f"{v:g}",
            x_text=lambda v: f"{v:g}",
            levels=levels(board),
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
    found += f", with {number(train[best], 4)} on train"
    if at[-1] > at[best]:
        found += f", and rises to {number(validation[-1], 4)} by {step} {at[-1]}"
    return found + "."


def _cost(manifests: Sequence[Manifest]) -> Card:
    seconds = {m.stage: m.job_seconds for m in manifests}
    longest = max(seconds, key=seconds.__getitem__)
    memory = max(m.peak_memory_mib for m in manifests) / 1024
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
                m.stage,
                number(m.job_seconds, 1),
                number(m.peak_memory_mib),
                number(m.figures.rows),
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
