"""Matplotlib drawings as inline SVG: text stays text, colours come from the page's CSS."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from ymr_spark.report.card import share, short

# Drawn in these colours, which then become the page's custom properties, light or dark.
_INK, _MUTED, _GRID = "#010101", "#020202", "#030303"
_SERIES = ("#040404", "#050505", "#060606")
_REFERENCE = "#070707"
_PROPERTIES = {
    **{_INK: "ink", _MUTED: "muted", _GRID: "grid", _REFERENCE: "reference"},
    **{color: f"series-{i}" for i, color in enumerate(_SERIES)},
}
_STYLE = {
    **{
        "svg.fonttype": "none",
        "svg.hashsalt": "ymr_spark",
        "font.size": 9,
        "text.parse_math": False,
    },
    **{"text.color": _INK, "axes.labelcolor": _MUTED, "xtick.color": _MUTED, "ytick.color": _MUTED},
    **{"axes.edgecolor": _GRID, "grid.color": _GRID, "axes.grid": True, "axes.axisbelow": True},
    **{"axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False},
    **{"ytick.left": False, "legend.frameon": False, "legend.fontsize": 8.5},
}
# Of lines beyond the colours, which then come once more.
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))
Series = Mapping[str, Sequence[float]]
Format = Callable[[float], str]


def columns(
    name: str,
    alt: str,
    labels: Sequence[str],
    series: Series,
    *,
    reference: tuple[str, Sequence[float]] | None = None,
    x: str = "",
) -> str:
    """Vertical bars of shares, one group a label, with short lines where a reference is."""

    def draw(axes: Axes) -> None:
        at, width = np.arange(len(labels)), 0.8 / len(series)
        for i, (label, values) in enumerate(series.items()):
            left = at + (i - (len(series) - 1) / 2) * width
            color = _SERIES[i % len(_SERIES)]
            bars = axes.bar(left, values, width * 0.94, color=color, label=label)
            if len(series) == 1:
                axes.bar_label(bars, [share(v) for v in values], fontsize=8.5, padding=3)
        if reference:
            axes.hlines(
                reference[1], at - 0.44, at + 0.44, colors=_REFERENCE, lw=2, label=reference[0]
            )
        axes.set_xticks(at, labels)
        axes.set_xlabel(x)
        axes.margins(y=0.12)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: share(v, 0)))
        axes.grid(axis="x", visible=False)
        _legend(axes, len(series) + bool(reference))

    return _svg(name, alt, draw)


def bars(
    name: str,
    alt: str,
    labels: Sequence[str],
    values: Sequence[float],
    *,
    text: Format = short,
    log: bool = False,
    x: str = "",
) -> str:
    """Horizontal bars, the first on top."""

    def draw(axes: Axes) -> None:
        at = range(len(labels))
        drawn = axes.barh(at, values, 0.72, color=_SERIES[0])
        axes.set_yticks(at, [_clipped(label) for label in labels])
        axes.bar_label(drawn, [text(v) for v in values], fontsize=8.5, padding=3)
        axes.invert_yaxis()
        axes.set_xlabel(x)
        if log:
            axes.set_xscale("log")
            axes.set_xlim(left=min((v for v in values if v), default=1) / 2)
        axes.margins(x=0.16)
        _plain_ticks(axes, "x", text)
        axes.grid(axis="y", visible=False)

    return _svg(name, alt, draw, height=0.75 + 0.2 * len(labels))


def lines(
    name: str,
    alt: str,
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x: str,
    y: str,
    log: str = "",
    x_text: Format = short,
    y_text: Format = short,
    levels: Mapping[str, float] | None = None,
    dots: bool = False,
) -> str:
    """Lines of (x, y), and dashed levels across; `log` names the axes, "x" or "xy"."""

    def draw(axes: Axes) -> None:
        for i, (label, (xs, ys)) in enumerate(series.items()):
            again, color = divmod(i, len(_SERIES))
            style = {"color": _SERIES[color], "ls": _DASHES[again % len(_DASHES)]}
            mark = "o" if dots else ""
            axes.plot(xs, ys, lw=1.8, marker=mark, ms=3.5, label=label, **style)
        for label, level in (levels or {}).items():
            axes.axhline(level, color=_REFERENCE, lw=1.4, ls=(0, (4, 3)), label=label)
        if "x" in log:
            axes.set_xscale("log")
        elif dots:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if "y" in log:
            axes.set_yscale("log")
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        _plain_ticks(axes, "x", x_text)
        _plain_ticks(axes, "y", y_text)
        _legend(axes, len(series) + len(levels or {}))

    return _svg(name, alt, draw)


def cells(
    name: str,
    alt: str,
    rows: Sequence[str],
    labels: Sequence[str],
    values: Sequence[Sequence[float | None]],
    *,
    text: Format,
    strength: Format | Callable[[float], float] = abs,
    x: str = "",
) -> str:
    """A heat map: the stronger, the more opaque; negative values in a second colour."""

    def draw(axes: Axes) -> None:
        for i, row in enumerate(values):
            for j, value in enumerate(row):
                if value is None:
                    continue
                color = _SERIES[0] if value >= 0 else _SERIES[1]
                opacity = 0.08 + 0.62 * float(strength(value))
                axes.add_patch(
                    matplotlib.patches.Rectangle(
                        (j - 0.48, i - 0.46), 0.96, 0.92, color=color, alpha=opacity, lw=0
                    )
                )
                axes.text(j, i, text(value), ha="center", va="center", fontsize=8.5)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xticks(range(len(labels)), labels)
        axes.set_yticks(range(len(rows)), [_clipped(row) for row in rows])
        axes.set_xlabel(x)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.tick_params(bottom=False)

    return _svg(name, alt, draw, height=0.75 + 0.26 * len(rows))


def intervals(
    name: str,
    alt: str,
    labels: Sequence[str],
    values: Sequence[tuple[float, float | None, float | None]],
    *,
    levels: Mapping[str, float],
    x: str,
) -> str:
    """A dot with its interval (value, low, high), where there is one, for each label, and levels
    from top to bottom.
    """

    def draw(axes: Axes) -> None:
        at = np.arange(len(labels))
        middle, low, high = np.array(values, float).T
        axes.hlines(at, low, high, colors=_SERIES[0], lw=3, alpha=0.5)
        axes.plot(middle, at, "o", color=_SERIES[0], ms=5)
        for label, level in levels.items():
            axes.axvline(level, color=_REFERENCE, lw=1.4, ls=(0, (4, 3)), label=label)
        for i, value in zip(at, middle, strict=True):
            axes.annotate(
                f"{value:.3f}", (value, i), (0, 6), textcoords="offset points", ha="center",
                fontsize=8.5,
            )  # fmt: skip
        axes.set_yticks(at, labels)
        axes.set_ylim(len(labels) - 0.4, -0.8)
        axes.margins(x=0.1)
        axes.set_xlabel(x)
        _plain_ticks(axes, "x", lambda v: f"{v:g}")
        _legend(axes, 2 * len(levels))

    return _svg(name, alt, draw, height=0.9 + 0.3 * len(labels))


def _legend(axes: Axes, entries: int) -> None:
    if entries > 1:
        axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2, handlelength=1.4)


def _clipped(label: str) -> str:
    """What leaves room for the drawing; the card's table has the whole name."""
    return label if len(label) <= 20 else f"{label[:19]}…"


def _plain_ticks(axes: Axes, which: str, text: Format) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda v, _: text(v)))
    axis.set_minor_formatter(NullFormatter())


def _svg(name: str, alt: str, draw: Callable[[Axes], None], height: float = 2.7) -> str:
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=(4.8, height), layout="constrained")
        draw(figure.add_subplot())
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    for color, custom in _PROPERTIES.items():
        svg = svg.replace(color, f"var(--{custom})")
    # All charts are in one document: their ids must differ.
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(alt, quote=True)}"', 1)
