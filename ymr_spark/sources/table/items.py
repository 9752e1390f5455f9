"""Songs and genres out of a table of items, or of their ids alone."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ymr_spark.records.line_counts import LineCounts
from ymr_spark.sources.reasons import Reason
from ymr_spark.sources.table.found import Quarantined
from ymr_spark.sources.table.numbering import numbered

ATTRIBUTES = ("id", "title", "artist", "album", "genres")
_UNKNOWN = 0
# What MovieLens says where it names none.
_NO_GENRE = {"", "(no genres listed)", "unknown"}


@dataclass(frozen=True)
class Items:
    """The tables of songs, and what became of the rows that they come from."""

    ids: "pa.Array[Any]"  # own ids, in the order of their numbers
    songs: pa.Table  # schemas.SONGS
    names: pa.Table  # schemas.SONG_IDS
    genres: pa.Table  # schemas.GENRES
    quarantined: list[Quarantined]
    rows: LineCounts


def made(rated: "pa.Array[Any]", attributes: pa.Table | None, name: str) -> Items:
    """All items that are rated or have attributes; of several rows of an item the first stays.

    An item's genre is the first that it has, all of them top genres, genre 0 is Unknown; albums
    and artists are numbered from 1 by their names, 0 is unknown.

    Args:
        rated: own ids, each once.
        attributes: columns among `ATTRIBUTES`, `genres` as lists of texts; None where there are
            none.
        name: of the table of attributes.
    """
    given = attributes.to_pylist() if attributes is not None else []
    first: dict[str, dict[str, Any]] = {}
    wrong: list[Quarantined] = []
    for row in given:
        own = str(row["id"] or "")
        reason = Reason.DUPLICATE if own in first else None if own.strip() else Reason.NO_ID
        if reason:
            wrong.append((name, None, str(row), str(reason)))
        else:
            first[own] = row
    ids = numbered(pa.array([*{*rated.to_pylist()} | first.keys()], pa.string()), "items")
    rows = [first.get(str(own), {}) for own in ids.to_pylist()]
    of_rows = [_named(row.get("genres")) for row in rows]
    genres = sorted({name for named in of_rows for name in named})
    genre = _codes([next(iter(named), None) for named in of_rows], genres)
    artist, album = (_texts(rows, name) for name in ("artist", "album"))
    numbers = pa.array(np.arange(len(rows), dtype=np.int32))
    songs = {
        "song_id": numbers,
        "album_id": _codes(album),
        "artist_id": _codes(artist),
        "genre_id": genre,
    }
    texts = {"title": _texts(rows, "title"), "artist": artist, "album": album}
    names = {name: pa.array(values, pa.string()) for name, values in texts.items()}
    return Items(
        ids,
        pa.table(songs),
        pa.table(
            {"song_id": numbers, "id": ids}
            | {k: pa.array(v, pa.string()) for k, v in names.items()}
        ),
        _tree(genres),
        wrong,
        LineCounts(len(given), len(first), dict(Counter(reason for *_, reason in wrong))),
    )


def genre_list(text: str | None, separator: str) -> list[str]:
    """The names in a text."""
    return [name.strip() for name in re.split(re.escape(separator), text or "")]


def _named(genres: Iterable[str | None] | None) -> list[str]:
    names = (_text(genre) for genre in genres or ())
    return [name for name in names if name and name.lower() not in _NO_GENRE]


def _texts(rows: Iterable[Mapping[str, Any]], name: str) -> list[str | None]:
    return [_text(row.get(name)) for row in rows]


def _text(value: str | None) -> str | None:
    """In one line, without what cannot be printed; None for nothing."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in value or "").split())
    return plain or None


def _codes(names: Sequence[str | None], known: Sequence[str] | None = None) -> Any:
    """Numbers from 1 for the names in their order, 0 for none."""
    ordered = sorted({name for name in names if name}) if known is None else known
    number = {name: place for place, name in enumerate(ordered, start=1)}
    return pa.array([number.get(name or "", _UNKNOWN) for name in names], pa.int32())


def _tree(names: Sequence[str]) -> pa.Table:
    numbers = pa.array(np.arange(len(names) + 1, dtype=np.int32))
    return pa.table(
        {
            "genre_id": numbers,
            "parent_genre_id": numbers,
            "level": pa.array(np.ones(len(numbers), np.int32)),
            "name": pa.array(["Unknown", *names]),
            "top_genre_id": numbers,
        }
    )
