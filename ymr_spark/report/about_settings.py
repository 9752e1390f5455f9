"""A card on how the settings of each model came about."""

from collections.abc import Mapping

from ymr_spark.records.figures import Choice, Tuned
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
                "MSE or NDCG",
                "next best",
                "all trials, smallest sample",
            ),
            [(name, *_cells(found)) for name, found in chosen.items()],
            note="Validation MSE, or the NDCG@100 of the lists of models that only rank, on "
            "samples of users and songs, not comparable with that on all rows. Each model had the "
            "same number of trials. What is ahead of the values given by less than it may lose on "
            "the way to all rows is only next best."
            + (f" Settings as given: {', '.join(given)}." if given else ""),
        )
    ]


def _cells(found: Tuned) -> tuple[str, ...]:
    return (
        _named({name: f"{value:.3g}" for name, value in found.best.settings.items()}),
        _named({name: f"{low:g} – {high:g}" for name, (low, high) in found.ranges.items()}),
        f"{found.trials}, {found.finalists} on {found.rows:,} rows",
        _judged(found.best),
        _judged(found.runner_up) if found.runner_up else "–",
        _first_rung(found),
    )


def _judged(choice: Choice) -> str:
    ranked = choice.validation_mse is None
    return number(choice.validation_ndcg if ranked else choice.validation_mse, 4)


def _first_rung(found: Tuned) -> str:
    best, worst = found.first_rung
    ranked = found.best.validation_mse is None
    return interval(1 - worst, 1 - best) if ranked else interval(best, worst)


def _named(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {text}" for name, text in values.items())
