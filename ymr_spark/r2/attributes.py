"""Songs and the genre tree, from song-attributes.txt and genre-hierarchy.txt."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ymr_spark.errors import DataContractError
from ymr_spark.r2.examination import Fault, Flags
from ymr_spark.r2.files import READ_ERRORS, RawFile, unreadable
from ymr_spark.r2.parsing import Reason, fault, text_fault

UNKNOWN_GENRE = 0

Song = tuple[int, int, int, int]  # schemas.SONGS
Genre = tuple[int, int, int, str, int]  # schemas.GENRES


@dataclass(frozen=True)
class Songs:
    """The first line of each song stays; a genre outside the tree becomes Unknown."""

    rows: list[Song]  # ascending
    faults: list[Fault]
    lines: int
    unknown_genres: int  # songs whose genre id was not in the tree

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


def read_songs(file: RawFile, genres: list[Genre]) -> Songs:
    """Parse song-attributes.txt: song, album, artist and genre id.

    Raises:
        DataContractError: the file cannot be read, or no line of it is a song.
    """
    known = {genre[0] for genre in genres}
    songs: dict[int, Song] = {}
    faults, lines, unknown = [], 0, 0
    for offset, line in _lines(file):
        lines += 1
        reason = fault(line, fields=4, rated=False)
        values = [0] * 4 if reason else [int(value) for value in line.split(b"\t")]
        if reason is None and values[0] in songs:
            reason = Reason.DUPLICATE
        if reason:
            raw = line.decode(errors="backslashreplace")
            faults.append(Fault(file.index, offset, raw, reason))
            continue
        unknown += values[3] not in known
        genre = values[3] if values[3] in known else UNKNOWN_GENRE
        songs[values[0]] = (values[0], values[1], values[2], genre)
    if not songs:
        raise DataContractError(
            f"{file.path}: no line is a song; expected song, album, artist and genre id, "
            "separated by tabs"
        )
    return Songs([songs[song] for song in sorted(songs)], faults, lines, unknown)


def quarantine(songs: Songs, file: str) -> list[tuple[str, int, str, str]]:
    """The quarantined lines, as schemas.QUARANTINE."""
    return [(file, fault.offset, fault.raw, str(fault.reason)) for fault in songs.faults]


def read_genres(file: RawFile) -> list[Genre]:
    """Parse genre-hierarchy.txt: genre id, parent's id, level, name.

    All songs hang on these few lines: none may be wrong.

    Raises:
        DataContractError: the file cannot be read; a line is wrong, a genre is there twice,
            its parent is not, it is its own ancestor, or there is no genre 0 (Unknown).
    """
    genres: dict[int, tuple[int, int, str]] = {}
    for offset, line in _lines(file):
        *ids, name = line.removesuffix(b"\r").split(b"\t", 3)
        wrong = text_fault(line) or fault(b"\t".join(ids), fields=3, rated=False)
        if wrong or not name.strip():
            found = f"found {line!r} ({wrong or 'no name'})"
            raise _broken(file, f"byte {offset}: expected id, parent id, level, name; {found}")
        genre, parent, level = map(int, ids)
        if genre in genres:
            raise _broken(file, f"genre {genre} is there twice")
        genres[genre] = (parent, level, name.decode().strip())
    if UNKNOWN_GENRE not in genres:
        raise _broken(file, f"no genre {UNKNOWN_GENRE} (Unknown)")
    return [
        (genre, parent, level, name, _top(genre, genres, file))
        for genre, (parent, level, name) in sorted(genres.items())
    ]


def _top(genre: int, genres: dict[int, tuple[int, int, str]], file: RawFile) -> int:
    """The ancestor that is its own parent."""
    seen = {genre}
    while (parent := genres[genre][0]) != genre:
        if parent not in genres:
            raise _broken(file, f"genre {genre} has the unknown parent {parent}")
        if parent in seen:
            raise _broken(file, f"genre {genre} is among its own ancestors {sorted(seen)}")
        seen.add(parent)
        genre = parent
    return genre


def _broken(file: RawFile, what: str) -> DataContractError:
    return DataContractError(f"{file.path}: {what}; correct the file, no table was touched")


def _lines(file: RawFile) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes, without line feed, of each line."""
    offset = 0
    try:
        with file.open() as opened:
            for line in opened:
                yield offset, line.removesuffix(b"\n")
                offset += len(line)
    except READ_ERRORS as e:
        raise unreadable(file.path, e) from e
