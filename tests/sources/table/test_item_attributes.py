import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.sources.table import attributes

NO_SPARK: Any = None  # text is read without


def opened(path: Path, **given: str | None) -> pa.Table:
    return attributes.opened(NO_SPARK, path, given, "|")


def file(folder: Path, text: str | bytes, name: str = "films.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_table_in_text(tmp_path: Path) -> None:
    text = (
        "movieId,title,year,genres\r\n"
        '1,"Toy Story, ""1""",1995,Animation|Comedy\r\n'
        "\r\n"
        '2,"Two\nlines",1996,\r\n'
        "007,,1997, Drama | War\r\n"
    )
    found = opened(file(tmp_path, b"\xef\xbb\xbf" + text.encode()))
    assert found.schema == pa.schema(
        [("id", pa.string()), ("title", pa.string()), ("genres", pa.list_(pa.string()))]
    )
    assert found.to_pylist() == [
        {"id": "1", "title": 'Toy Story, "1"', "genres": ["Animation", "Comedy"]},
        {"id": "2", "title": "Two\nlines", "genres": [""]},
        {"id": "007", "title": "", "genres": ["Drama", "War"]},
    ]


@pytest.mark.parametrize("separator", ["\t", "::", ";", "|"])
def test_separators(tmp_path: Path, separator: str) -> None:
    lines = (["item_id", "Artist Name", "album"], ["a", "x, y", "z"], ["b", "v", ""])
    path = file(tmp_path, "\n".join(map(separator.join, lines)))
    assert opened(path).to_pylist() == [
        {"id": "a", "artist": "x, y", "album": "z"},
        {"id": "b", "artist": "v", "album": ""},
    ]


def test_given_columns_go_before_guessed_ones(tmp_path: Path) -> None:
    path = file(tmp_path, "id,isbn,title,name\n1,x,A,B\n")
    assert opened(path, id="isbn", title="name", album=None).to_pylist() == [
        {"id": "x", "title": "B"}
    ]


def test_names_without_rows(tmp_path: Path) -> None:
    found = opened(file(tmp_path, "id,title\n"))
    assert found.column_names == ["id", "title"]
    assert len(found) == 0


def test_a_folder_of_files_and_compressions(tmp_path: Path) -> None:
    file(tmp_path, "id,title\n1,a\n", "part-0.csv")
    file(tmp_path, gzip.compress(b"id,title\n2,b\n"), "part-1.csv.gz")
    file(tmp_path, bz2.compress(b"id;title\n3;c\n"), "part-2.csv.bz2")
    file(tmp_path, b"", "_SUCCESS")
    assert opened(tmp_path)["id"].to_pylist() == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,title\n1,a,b\n", r"\['1', 'a', 'b'\] has 3 fields, expected id, title; correct"),
        ("id,title\n1,a\n2\n", r"\['2'\] has 1 fields"),
        (b"id,title\n1,\xff\n", "no utf-8 at byte 11; convert it"),
        (b"", "is empty"),
        ('id,title\n1,"' + "x" * 200_000, "is a quotation mark not closed"),
    ],
)
def test_broken_files(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(DataContractError, match=words) as raised:
        opened(file(tmp_path, text))
    assert "films.csv" in str(raised.value)


def test_files_of_other_names(tmp_path: Path) -> None:
    file(tmp_path, "id,title\n1,a\n", "a.csv")
    file(tmp_path, "title,id\nb,2\n", "b.csv")
    words = r"b\.csv: begins with \['title', 'id'\], the files before with \['id', 'title'\]"
    with pytest.raises(DataContractError, match=words):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        (
            "name,year\n",
            {},
            "which column is the item's id. It has name, year; .*items.id=NAME",
        ),
        ("\n", {}, "which column is the item's id"),
        ("id,year\n", {"title": "Titel"}, "no column Titel for raw.items.title; it has id, year"),
        ("id,year\n", {"id": "isbn"}, "no column isbn for raw.items.id"),
    ],
)
def test_columns_that_cannot_be_told(
    tmp_path: Path, text: str, given: dict[str, str | None], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        opened(file(tmp_path, text), **given)


def test_values_become_texts_and_genres_lists() -> None:
    columns: dict[str, list[Any]] = {
        "id": [12, "x", None],
        "title": [1984, None, "A"],
        "genres": [["Rock", "Blues"], "Jazz. Soul", None],
    }
    found = attributes.table(columns, ".")
    assert found.to_pydict() == {
        "id": ["12", "x", None],
        "title": ["1984", None, "A"],
        "genres": [["Rock", "Blues"], ["Jazz", "Soul"], [""]],
    }


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_lines(tmp_path: Path, packed: Callable[[bytes], bytes]) -> None:
    text = '1|a"|b|c\r\n \n2|\x85é|"\r3|\x1cx|y|z|'.encode("latin-1")
    path = file(tmp_path, packed(text), {bytes: "f.dat", gzip.compress: "f.dat.gz"}[packed])
    assert attributes.lines(path, "|", "latin-1", 2) == [
        ["1", 'a"', "b|c"],
        ["2", "\x85é", '"'],
        ["3", "\x1cx", "y|z|"],
    ]
    assert attributes.lines(path, "|", "latin-1")[2] == ["3", "\x1cx", "y", "z", ""]


def test_records(tmp_path: Path) -> None:
    path = file(tmp_path, b'a,"b\n""c"""\n\n,\xe9\n')
    expected = [["a", 'b\n"c"'], ["", "é"]]
    assert attributes.records(path, encoding="latin-1") == expected


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for read in (attributes.lines, attributes.records):
        with pytest.raises(DataContractError, match=r"films\.csv: cannot be read"):
            cast(Callable[[Path, str], object], read)(tmp_path / "films.csv", ",")
