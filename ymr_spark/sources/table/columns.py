"""Which columns of a table are the user's, the item's, the rating's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ymr_spark.errors import SettingsError

# What people call them, without case and signs, the likeliest first.
_NAMES = {
    "user": ("user", "userid", "uid", "customer", "customerid", "reviewer", "reviewerid", "member"),
    "item": (
        *("item", "itemid", "iid", "song", "songid", "track", "trackid", "movie", "movieid"),
        *("artist", "artistid", "book", "bookid", "isbn", "product", "productid", "asin"),
    ),
    "rating": ("rating", "stars", "score", "ratings", "bookrating", "overall", "value"),
    "time": ("time", "timestamp", "date", "datetime", "unixreviewtime", "ratedat", "createdat"),
    "test": ("split",),
}
_NEEDED = ("user", "item", "rating")
_PLACES = ("user", "item", "rating", "time")


@dataclass(frozen=True)
class Columns:
    """Names in the table, by what they are: those of `found.ROWS`."""

    of: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """In the table, each once."""
        return tuple(dict.fromkeys(self.of.values()))

    def __str__(self) -> str:
        return ", ".join(f"{role} = {name}" for role, name in self.of.items())


def chosen(given: Mapping[str, str | None], names: Sequence[str], what: str) -> Columns:
    """Columns as they are given, others by the names that people use.

    Args:
        given: by `found.ROWS`' names; None where it is to be found.
        names: of the table's columns.
        what: the table, for messages.

    Raises:
        SettingsError: a given column is not in the table, or a needed one cannot be told.
    """
    wrong = {role: name for role, name in given.items() if name is not None and name not in names}
    if wrong:
        said = ", ".join(f"raw.columns.{_setting(role)}={name}" for role, name in wrong.items())
        raise SettingsError(f"{what}: no column for {said}; it has {', '.join(names)}")
    found = {}
    for role in _NAMES:
        if name := given.get(role) or _guess(role, names):
            found[role] = name
    if missing := [role for role in _NEEDED if role not in found]:
        raise SettingsError(
            f"{what}: which column is the {' and the '.join(missing)}? It has {', '.join(names)}; "
            "say so by --set 'raw.columns={user: …, item: …, rating: …}'"
        )
    if len(set(found.values())) < len(found):
        raise SettingsError(
            f"{what}: one column for two things ({Columns(found)}); see raw.columns"
        )
    return Columns(found)


def by_place(names: Sequence[str]) -> Columns:
    """User, item, rating and, if there is a fourth column, time."""
    return Columns(dict(zip(_PLACES, names, strict=False)))


def are_names(fields: Sequence[str]) -> bool:
    """Whether they look like the names of columns rather than a first row."""
    return any(_guess(role, fields) for role in _NAMES) or not any(map(_is_number, fields))


def _setting(role: str) -> str:
    return "split" if role == "test" else role


def _guess(role: str, names: Sequence[str]) -> str | None:
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(names)}
    return next((plain[name] for name in _NAMES[role] if name in plain), None)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
