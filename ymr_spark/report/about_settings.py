"""A card on how the settings of each model came about."""

from collections.abc import Mapping

from ymr_spark.records.figures import Tuned
from ymr_spark.report.card import Card, interval, number


def cards(tuned: Mapping[str, Tuned | None]) -> list[Card]:
    """
    Args:
        tuned: by model, how its settings were chosen; None where they were given.
    """
    chosen = {name: found for name, found in sorted(tuned.items()) if found}
    if not chosen:
        return []
    edges = [
        f"{name} at the end of {', '.join(t.at_edge)}" for name, t in chosen.items() if t.at_edge
    ]
    finding = f"Settings of {', '.join(chosen)} were chosen on samples of these train rows"
    finding += f"; {'; '.join(edges)}: a wider range may have a better one" if edges else ""
    given = sorted(tuned.keys() - chosen.keys())
    return [
        Card(
            "settings",
            "Settings that were chosen",
            finding + ".",
            (
                "model",
                "settings",
                "out of",
                "trials",
                "MSE",
                "next best",
                "all trials, smallest sample",
            ),
            [(name, *_cells(found)) for name, found in chosen.items()],
            note="Validation MSE on samples of users and songs, not comparable with that on all "
            "rows. Each model had the same number of trials. What is ahead of the values given by "
            "less than it may lose on the way to all rows is only next best."
            + (f" Settings as given: {', '.join(given)}." if given else ""),
        )
    ]


def _cells(found: Tuned) -> tuple[str, ...]:
    return (
        _named({name: f"{value:.3g}" for name, value in found.best.settings.items()}),
        _named({name: f"{low:g} – {high:g}" for name, (low, high) in found.ranges.items()}),
        f"{found.trials}, {found.finalists} on {found.rows:,} rows",
        number(found.best.validation_mse, 4),
        number(found.runner_up.validation_mse, 4) if found.runner_up else "–",
        interval(*found.first_rung),
    )


def _named(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {text}" for name, text in values.items())
