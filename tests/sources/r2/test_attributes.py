import bz2
import codecs
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from raw_files import GENRES, write

from ymr_spark.errors import DataContractError
from ymr_spark.sources.r2 import files
from ymr_spark.sources.r2.attributes import (
    Genre,
    SongAttributes,
    check_genres,
    read_genres,
    read_songs,
)
from ymr_spark.sources.reasons import Reason


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, b"0\t0\t1\n", b"0\t1\t1\n")


def test_top_genres(folder: Path) -> None:
    assert read_genres(files.find(folder).genres) == [
        (0, 0, 1, "Unknown", 0),
        (1, 1, 1, "Rock", 1),
        (2, 1, 2, "Hard Rock", 1),
        (3, 2, 3, "Stoner Rock", 1),
    ]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (b"4\t5\t2\tA\n5\t4\t2\tB\n", "among its own ancestors"),
        (b"4\t9\t2\tA\n", "unknown parent 9"),
        (b"3\t3\t1\tAgain\n", "there twice"),
        (b"4\t1\t2\n", "wrong_number_of_fields"),
        (b"4\tx\t2\tA\n", "not_an_integer"),
        (b"4\t1\t2\t\xff\n", "bad_utf8"),
        (b"4\t1\t2\tA\x0bB\n", "line 5: .*control character"),
        ("4\t1\t2\tA\u2028B\n".encode(), "line 5: .*control character"),
        (b"4\t1\t2\tA\tB\n", "line 5: .*control character"),
        (b"4\t1\t2\tA\rB\n", r"line 6: .*found b'B' \(wrong_number_of_fields"),
        (b"4\t4\t0\tA\n", "line 5: level 0 of genre 4, expected 1"),
        (b"4\t4\t2\tA\n", "line 5: level 2 of genre 4, expected 1"),
        (b"4\t1\t1\tA\n", "line 5: level 1 of genre 4 below 1, expected 2"),
        (b"4\t2\t2\tA\n", "line 5: level 2 of genre 4 below 2 below 1, expected 3"),
    ],
)
def test_a_broken_tree(folder: Path, lines: bytes, words: str) -> None:
    (folder / "genre-hierarchy.txt").write_bytes(GENRES + lines)
    with pytest.raises(DataContractError, match=words) as raised:
        read_genres(files.find(folder).genres)
    assert "genre-hierarchy.txt" in str(raised.value)


def test_levels_from_0_are_refused(folder: Path) -> None:
    lines = (line.split(b"\t") for line in GENRES.splitlines())
    text = b"".join(b"%s\t%s\t%d\t%s\n" % (g, p, int(level) - 1, n) for g, p, level, n in lines)
    (folder / "genre-hierarchy.txt").write_bytes(text)
    with pytest.raises(DataContractError, match=r"line 1: level 0 of genre 0, expected 1"):
        read_genres(files.find(folder).genres)


@pytest.mark.parametrize("name", ["genre-hierarchy.txt", "song-attributes.txt"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("packed", [bytes, gzip.compress, bz2.compress])
def test_the_same_in_any_form(
    folder: Path, name: str, mark: bytes, end: bytes, packed: Callable[[bytes], bytes]
) -> None:
    def read() -> tuple[list[Genre], SongAttributes]:
        raw = files.find(folder)
        genres = read_genres(raw.genres)
        return genres, read_songs(raw.songs, genres)

    expected = read()
    text = mark + (folder / name).read_bytes().replace(b"\n", end)
    (folder / name).unlink()
    suffix = {bytes: "", gzip.compress: ".gz", bz2.compress: ".bz2"}[packed]
    (folder / (name + suffix)).write_bytes(packed(text))
    assert read() == expected


def test_many_songs_of_genres_that_are_not_in_the_tree(folder: Path) -> None:
    (folder / "song-attributes.txt").write_text("0\t1\t1\t99\n1\t1\t1\t0\n2\t1\t1\t0\n")
    raw = files.find(folder)
    songs = read_songs(raw.songs, read_genres(raw.genres))
    check_genres(songs, raw.songs, 0.34)
    with pytest.raises(DataContractError, match=r"song-attr.*1 of 3 songs .*\[\(99, 1\)\]"):
        check_genres(songs, raw.songs, 0.33)


def test_a_tree_without_unknown(folder: Path) -> None:
    (folder / "genre-hierarchy.txt").write_bytes(b"1\t1\t1\tRock\n")
    with pytest.raises(DataContractError, match="no genre 0"):
        read_genres(files.find(folder).genres)


def test_songs(folder: Path) -> None:
    text = b"2\t7\t8\t1\n0\t5\t6\t99\nbroken\n2\t1\t1\t1\n3\t1\t1\n4\t-1\t1\t1\n1\t3\t3\t3\r\n"
    (folder / "song-attributes.txt").write_bytes(text)
    raw = files.find(folder)
    songs = read_songs(raw.songs, read_genres(raw.genres))
    assert songs.rows == [(0, 5, 6, 0), (1, 3, 3, 3), (2, 7, 8, 1)]
    assert songs.unknown_genres == {99: 1}
    assert songs.lines == 7
    assert [(fault.offset, fault.reason) for fault in songs.faults] == [
        (17, Reason.FIELDS),
        (24, Reason.DUPLICATE),
        (32, Reason.FIELDS),
        (38, Reason.ID_RANGE),
    ]
    assert songs.known().tolist() == [True, True, True]


def test_no_song_at_all(folder: Path) -> None:
    (folder / "song-attributes.txt").write_bytes(b"a\nb\n")
    raw = files.find(folder)
    with pytest.raises(DataContractError, match="no line is a song"):
        read_songs(raw.songs, read_genres(raw.genres))
