"""Answers of jobs/predict.py as tables on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ymr_spark.prediction.answers import Answer, Why


def show_one(answer: Answer, why: Why) -> None:
    """One pair: each model's stars, the terms of its score, and the nearest rated songs."""
    console = _console(100)
    rating, split = answer.rating, answer.split
    known = "not rated" if rating is None else f"rated {rating:g} ({split})"
    user, song = _plain(answer.user), _called(answer.song, answer.title)
    title = f"user {user}, song {song}: {known}"
    table = Table(title=title, caption="terms in stars, of two-tower models in logits")
    for column in ("model", "stars", "= mean", "+ user", "+ song", "+ taste", ""):
        table.add_column(column, justify="left" if column in ("model", "") else "right")
    for name, stars in answer.stars.items():
        parts = vars(why.terms[name]) if name in why.terms else {}
        terms = [_signed(value) for value in parts.values()] or [""] * 4
        note = "scored by its fallback" if name in answer.fallback else ""
        table.add_row(name, f"{stars:.2f}", *terms, note)
    console.print(table)
    sides = {"user": (user, answer.cold_user), "song": (song, answer.cold_song)}
    for side, (name, cold) in sides.items():
        if cold:
            console.print(f"Cold start: {side} {name} has no train ratings and adds nothing.")
    if why.nearest:
        console.print(f"Nearest songs that the user has rated, by {why.nearest_by}:")
    for near in why.nearest:
        name = _called(near.song_id, near.title)
        console.print(f"  song {name}: rated {near.rating:g}, similarity {near.similarity:+.3f}")


def _console(width: int) -> Console:
    """Of that width where its output is no terminal."""
    # Ids and titles are strangers' text: nothing in them is markup.
    plain = Console(markup=False, emoji=False)
    return plain if plain.is_terminal else Console(width=width, markup=False, emoji=False)


def _called(own_id: int | str, title: str | None) -> str:
    return f"{_plain(title)} ({_plain(own_id)})" if title else _plain(own_id)


def _plain(text: int | str) -> str:
    """Without what would move a terminal's cursor."""
    return "".join(c if c.isprintable() else "�" for c in str(text))


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def _rating(stars: float | None) -> str:
    return "–" if stars is None else f"{stars:g}"


def show_pairs(found: Sequence[Answer], names: Sequence[str]) -> None:
    """A line a pair: its rating where it is known, and the stars of the models `names`."""
    table = Table()
    titled = any(row.title for row in found)
    for column in ("user", "song", *(["title"] if titled else []), "rating", *names):
        table.add_column(column, justify="left" if column == "title" else "right")
    for row in found:
        stars = [f"{row.stars[n]:.2f}{'*' if n in row.fallback else ''}" for n in names]
        title = [_plain(row.title or "")] if titled else []
        table.add_row(_plain(row.user), _plain(row.song), *title, _rating(row.rating), *stars)
    console = _console(160)
    console.print(table)
    console.print("* unknown to the model, scored by its fallback")
