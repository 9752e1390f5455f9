"""Songs and the genre tree, from song-attributes.txt and genre-hierarchy.txt."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ymr_spark.errors import DataContractError
from ymr_spark.sources.r2.examination import Fault, Flags
from ymr_spark.sources.r2.parsing import fault
from ymr_spark.sources.raw_file import READ_ERRORS, RawFile, unreadable
from ymr_spark.sources.reasons import Reason, text_fault
from ymr_spark.sources.stretches import line_feeds

UNKNOWN_GENRE = 0
# Unicode's categories of controls and of what separates lines.
_UNPRINTABLE = {"Cc", "Zl", "Zp"}

Song = tuple[int, int, int, int]  # schemas.SONGS
Genre = tuple[int, int, int, str, int]  # schemas.GENRES


@dataclass(frozen=True)
class SongAttributes:
    """The first line of each song stays; a genre outside the tree becomes Unknown."""

    rows: list[Song]  # ascending
    faults: list[Fault]
    lines: int
    unknown_genres: Counter[int]  # songs by each genre id that was not in the tree

    def known(self) -> Flags:
        """By song id, whether there is such a song."""
        flags = np.zeros(self.rows[-1][0] + 1, bool)
        flags[[song[0] for song in self.rows]] = True
        return flags

    def table(self) -> pa.Table:
        """The rows, as schemas.SONGS."""
        columns = np.array(self.rows, np.int32).T
        return pa.table(list(columns), ["song_id", "album_id", "artist_id", "genre_id"])

    def reasons(self) -> dict[str, int]:
        """Quarantined lines by reason."""
        return dict(Counter(str(fault.reason) for fault in self.faults))


def read_songs(file: RawFile, genres: list[Genre]) -> SongAttributes:
    """Parse song-attributes.txt: song, album, artist and genre id.

    Raises:
        DataContractError: the file cannot be read, or no line of it is a song.
    """
    known = {genre[0] for genre in genres}
    songs: dict[int, Song] = {}
    faults, lines, unknown = [], 0, Counter[int]()
    for offset, line in _lines(file):
        lines += 1
        reason = fault(line, fields=4)
        values = [0] * 4 if reason else [int(value) for value in line.split(b"\t")]
        if reason is None and values[0] in songs:
            reason = Reason.DUPLICATE
        if reason:
            raw = line.decode(errors="backslashreplace")
            faults.append(Fault(file.index, offset, raw, reason))
            continue
        genre = values[3] if values[3] in known else UNKNOWN_GENRE
        unknown.update({values[3]} - known)
        songs[values[0]] = (values[0], values[1], values[2], genre)
    found = SongAttributes([songs[song] for song in sorted(songs)], faults, lines, unknown)
    if not songs:
        raise DataContractError(
            f"{file.path}: no line is a song ({found.reasons()}); expected song, album, artist "
            "and genre id, separated by tabs"
        )
    return found


def quarantine(songs: SongAttributes, file: str) -> list[tuple[str, int, str, str]]:
    """The quarantined lines, as schemas.QUARANTINE."""
    return [(file, fault.offset, fault.raw, str(fault.reason)) for fault in songs.faults]


def check_genres(songs: SongAttributes, file: RawFile, maximum: float) -> None:
    """Raise DataContractError where too large a share of songs has a genre outside the tree."""
    if songs.unknown_genres.total() > maximum * len(songs.rows):
        raise DataContractError(
            f"{file.path}: {songs.unknown_genres.total()} of {len(songs.rows)} songs have a genre "
            f"id that the genre file has not, a share above {maximum:g}; most often (id, songs): "
            f"{songs.unknown_genres.most_common(5)}; correct the files, or raise "
            "ingest.max_quarantine_share"
        )


def read_genres(file: RawFile) -> list[Genre]:
    """Parse genre-hierarchy.txt: genre id, parent's id, level, name.

    All songs hang on these few lines: none may be wrong.

    Raises:
        DataContractError: the file cannot be read; a line is wrong, a genre is there twice,
            its parent is not, it is its own ancestor, its level is not its depth, counted from
            1 where a genre is its own parent, or there is no genre 0 (Unknown).
    """
    tree: dict[int, _Node] = {}
    for number, (_, line) in enumerate(_lines(file), start=1):
        genre, node = _node(file, number, line)
        if genre in tree:
            raise _broken(file, number, f"genre {genre} is there twice")
        tree[genre] = node
    if UNKNOWN_GENRE not in tree:
        raise _broken(file, None, f"no genre {UNKNOWN_GENRE} (Unknown)")
    return [
        (genre, node.parent, node.level, node.name, _top(genre, tree, file))
        for genre, node in sorted(tree.items())
    ]


@dataclass(frozen=True)
class _Node:
    line: int  # counted from 1
    parent: int
    level: int
    name: str


def _node(file: RawFile, number: int, line: bytes) -> tuple[int, _Node]:
    *ids, raw_name = line.removesuffix(b"\r").split(b"\t", 3)
    wrong: str | None = text_fault(line) or fault(b"\t".join(ids), fields=3)
    name = "" if wrong else raw_name.decode().strip()
    if not name:
        wrong = wrong or "no name"
    elif not _UNPRINTABLE.isdisjoint(map(unicodedata.category, name)):
        wrong = "a control character in the name"
    if wrong:
        found = f"found {line[:200]!r} ({wrong})"
        raise _broken(file, number, f"expected id, parent id, level, name between tabs; {found}")
    genre, parent, level = map(int, ids)
    return genre, _Node(number, parent, level, name)


def _top(genre: int, tree: dict[int, _Node], file: RawFile) -> int:
    """The ancestor that is its own parent."""
    node, top, seen = tree[genre], genre, {genre: None}
    while (parent := tree[top].parent) != top:
        if parent not in tree:
            raise _broken(file, tree[top].line, f"genre {top} has the unknown parent {parent}")
        if parent in seen:
            raise _broken(file, node.line, f"genre {genre} is among its own ancestors {[*seen]}")
        seen[parent] = None
        top = parent
    if node.level != len(seen):
        path = " below ".join(map(str, seen))
        what = f"level {node.level} of genre {path}, expected {len(seen)}: top genres have level 1"
        raise _broken(file, node.line, what)
    return top


def _broken(file: RawFile, line: int | None, what: str) -> DataContractError:
    where = file.path if line is None else f"{file.path}, line {line}"
    return DataContractError(f"{where}: {what}; correct the file, no table was touched")


def _lines(file: RawFile) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes, without line feed, of each line."""
    offset = file.start
    try:
        with file.open() as opened:
            opened.seek(offset)
            text = b"".join(line_feeds([opened.read()]))
    except READ_ERRORS as e:
        raise unreadable(file.path, e) from e
    for line in text.removesuffix(b"\n").split(b"\n"):
        yield offset, line
        offset += len(line) + 1
