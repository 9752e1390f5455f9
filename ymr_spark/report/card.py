"""One chart of the report with what it shows in words and in numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TableRow = Mapping[str, Any]
TableRows = Sequence[TableRow]


@dataclass(frozen=True)
class Card:
    """`finding` says what the numbers say; `rows` are the cells below `columns`, as text."""

    name: str  # letters and hyphens; the anchor of the card
    title: str
    finding: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    chart: str = ""  # an <svg> element with its text alternative
    note: str = ""


def where(rows: TableRows, **wanted: object) -> list[TableRow]:
    """The rows with these values."""
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def by(rows: TableRows, key: str, value: str) -> dict[Any, Any]:
    """One column by another, in the rows' order."""
    return {row[key]: row[value] for row in rows}


def users_called(tables: Mapping[str, TableRows]) -> dict[int, str]:
    """The own ids of the users in `user_ids`, by their numbers."""
    return by(tables["user_ids"], "user_id", "id")


def songs_called(tables: Mapping[str, TableRows]) -> dict[int, str]:
    """The titles of the songs in `song_ids`, or own ids of those without, by their numbers."""
    return {row["song_id"]: row["title"] or row["id"] for row in tables["song_ids"]}


def weighted_mean(pairs: Iterable[tuple[float, float]]) -> float:
    """Σ value · weight / Σ weight of (value, weight) pairs."""
    pairs = list(pairs)
    return sum(x * w for x, w in pairs) / sum(w for _, w in pairs)


def number(value: float | None, digits: int = 0) -> str:
    """With thousands separated; a dash for None."""
    return "–" if value is None else f"{value:,.{digits}f}"


def share(value: float | None, digits: int = 1) -> str:
    """As percent; a dash for None."""
    return "–" if value is None else f"{value:.{digits}%}"


def interval(low: float | None, high: float | None, digits: int = 4) -> str:
    """A dash where there is none."""
    return "–" if low is None or high is None else f"{low:.{digits}f} – {high:.{digits}f}"


def told_apart(names: Mapping[int, str]) -> dict[int, str]:
    """The names by id, with the id behind those that several have."""
    times = Counter(names.values())
    return {id_: f"{name} ({id_})" if times[name] > 1 else name for id_, name in names.items()}


def short(value: float) -> str:
    """At most four characters: 950, 1.2k, 24M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= 0.9995 * size:
            scaled = value / size
            return f"{scaled:.0f}{unit}" if scaled >= 10 else f"{scaled:.1f}{unit}"
    return f"{value:.0f}"
