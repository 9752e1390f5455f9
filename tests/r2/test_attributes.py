from pathlib import Path

import pytest
from raw_files import GENRES, write

from ymr_spark.errors import DataContractError
from ymr_spark.r2 import files
from ymr_spark.r2.attributes import read_genres, read_songs
from ymr_spark.r2.parsing import Reason


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
    ],
)
def test_a_broken_tree(folder: Path, lines: bytes, words: str) -> None:
    (folder / "genre-hierarchy.txt").write_bytes(GENRES + lines)
    with pytest.raises(DataContractError, match=words) as raised:
        read_genres(files.find(folder).genres)
    assert "genre-hierarchy.txt" in str(raised.value)


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
    assert songs.unknown_genres == 1
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
