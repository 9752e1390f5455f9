"""Answers of jobs/predict.py as tables on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ymr_spark.prediction.answers import Answer, Why


def show_one(answer: Answer, why: Why) -> None:
    """One pair: each model's stars, the terms of its score, and the nearest rated songs."""
    console = Console(width=None if Console().is_terminal else 100)
    rating, split = answer.rating, answer.split
    known = "not rated" if rating is None else f"rated {rating:g} ({split})"
    title = f"user {answer.user}, song {answer.song}: {known}"
    table = Table(title=title, caption="terms in stars, of two-tower models in logits")
    for column in ("model", "stars", "= mean", "+ user", "+ song", "+ taste", ""):
        table.add_column(column, justify="left" if column in ("model", "") else "right")
    for name, stars in answer.stars.items():
        parts = vars(why.terms[name]) if name in why.terms else {}
        terms = [_signed(value) for value in parts.values()] or [""] * 4
        note = "scored by its fallback" if name in answer.fallback else ""
        table.add_row(name, f"{stars:.2f}", *terms, note)
    console.print(table)
    sides = {"user": (answer.user, answer.cold_user), "song": (answer.song, answer.cold_song)}
    for side, (number, cold) in sides.items():
        if cold:
            console.print(f"Cold start: {side} {number} has no train ratings and adds nothing.")
    if why.nearest:
        console.print(f"Nearest songs that the user has rated, by {why.nearest_by}:")
    for near in why.nearest:
        console.print(
            f"  song {near.song_id}: rated {near.rating:g}, similarity {near.similarity:+.3f}"
        )


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def _rating(stars: float | None) -> str:
    return "–" if stars is None else f"{stars:g}"


def show_pairs(found: Sequence[Answer], names: Sequence[str]) -> None:
    """A line a pair: its rating where it is known, and the stars of the models `names`."""
    table = Table()
    for column in ("user", "song", "rating", *names):
        table.add_column(column, justify="right")
    for row in found:
        stars = [f"{row.stars[n]:.2f}{'*' if n in row.fallback else ''}" for n in names]
        table.add_row(str(row.user), str(row.song), _rating(row.rating), *stars)
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table)
    console.print("* unknown to the model, scored by its fallback")
