import codecs
import gzip
from collections.abc import Mapping
from pathlib import Path

import pytest

from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.sources.raw_file import described
from ymr_spark.sources.stretches import texts
from ymr_spark.sources.table.columns import Columns
from ymr_spark.sources.table.raw_table import Given
from ymr_spark.sources.table.text_rows import Form
from ymr_spark.sources.table.text_table import TextFiles, _stretches, of_any, of_layout, told


def opened(
    folder: Path,
    *heads: bytes,
    columns: Mapping[str, str | None] | None = None,
    separator: str | None = None,
    header: bool | None = None,
) -> TextFiles:
    paths = [folder / f"{place}.csv" for place in range(len(heads))]
    for path, text in zip(paths, heads, strict=True):
        path.write_bytes(text)
    return of_any(paths, Given(columns or {}, separator=separator, header=header))


def test_a_header_tells_the_columns(tmp_path: Path) -> None:
    text = b"when; userId ;track;rating\n1;2;3;4\n"
    found = opened(tmp_path, text, codecs.BOM_UTF8 + text.replace(b"\n", b"\r\n"))
    assert found.form == Form(
        ";",
        ("when", "userId", "track", "rating"),
        Columns({"user": "userId", "item": "track", "rating": "rating"}),
    )
    assert [(file.name, file.index, file.start) for file in found.files] == [
        ("0.csv", 0, 27),
        ("1.csv", 1, 31),
    ]
    assert told(found) == "text with ';' between columns: user = userId, item = track, " + (
        "rating = rating"
    )


def test_quoted_names(tmp_path: Path) -> None:
    text = b'"User-ID";"ISBN";"Book-Rating";"a;b"\n"276725";"034545104X";"0";""\n'
    found = opened(tmp_path, text, columns={"time": "a;b"})
    assert found.form.names == ("User-ID", "ISBN", "Book-Rating", "a;b")
    assert found.form.columns.of["time"] == "a;b"


def test_without_a_header_columns_go_by_their_places(tmp_path: Path) -> None:
    found = opened(tmp_path, b"196\t242\t3\t881250949\n", b"1\t2\t3\t4\n")
    assert found.form == Form(
        "\t",
        ("1", "2", "3", "4"),
        Columns({"user": "1", "item": "2", "rating": "3", "time": "4"}),
    )
    assert [file.start for file in found.files] == [0, 0]
    assert told(found).startswith("text with tabs between columns: user = 1,")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rating": "4"}, {"user": "1", "item": "2", "rating": "4"}),
        ({"user": "2", "item": "1"}, {"user": "2", "item": "1", "rating": "3", "time": "4"}),
        ({"time": None}, {"user": "1", "item": "2", "rating": "3", "time": "4"}),
        ({"test": "4"}, {"user": "1", "item": "2", "rating": "3", "test": "4"}),
    ],
)
def test_places_that_are_given_are_taken(
    tmp_path: Path, given: dict[str, str | None], expected: dict[str, str]
) -> None:
    found = opened(tmp_path, b"1,2,3,4\n", columns=given)
    assert dict(found.form.columns.of) == expected


def test_what_is_given_is_not_found_out(tmp_path: Path) -> None:
    found = opened(tmp_path, b"user,item|x,rating|y\n", separator="|", header=False)
    assert found.form.names == ("1", "2", "3")
    assert found.files[0].start == 0
    columns = {"user": "7", "item": "8", "rating": "9"}
    found = opened(tmp_path, b"7,8,9\n1,2,3\n", header=True, columns=columns)
    assert found.form.names == ("7", "8", "9")
    assert found.files[0].start == 6


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        (
            [b"user,item,rating\n", b"user,rating,item\n"],
            r"1\.csv: begins with 'user,rating,item', .*0\.csv with 'user,item,rating'",
        ),
        ([b"user,item,rating\n", b"1,2,3\n"], r"1\.csv: begins with '1,2,3'"),
        ([b"user,item,rating,user\n"], r"0\.csv: a name twice in its first line 'user,item,rat"),
        ([b"user,item,rating\n", b""], r"1\.csv: is empty"),
    ],
)
def test_headers_that_are_wrong(tmp_path: Path, heads: list[bytes], words: str) -> None:
    with pytest.raises(DataContractError, match=words):
        opened(tmp_path, *heads)


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        (b"wer,was,wie\n", {}, r"0\.csv: which column is the user and the item and the rating"),
        (b"1,2\n", {}, "which column is the rating. It has 1, 2;"),
        (b"1,2,3\n", {"rating": "stars"}, "no column for raw.columns.rating=stars; it has 1, 2, 3"),
        (b"1,2,3\n", {"rating": "1"}, "which column is the user"),
    ],
)
def test_columns_that_cannot_be_told(
    tmp_path: Path, text: bytes, given: dict[str, str | None], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        opened(tmp_path, text, columns=given)


def test_files_of_a_layout(tmp_path: Path) -> None:
    paths = [tmp_path / "a.csv", tmp_path / "b.csv.gz"]
    paths[0].write_bytes(b"u,i,r\n1,2,3\n")
    paths[1].write_bytes(gzip.compress(b"x\n1,2,3\n"))
    form = Form(",", ("u", "i", "r"), Columns({"user": "u", "item": "i", "rating": "r"}))
    for header, starts in ((True, [6, 2]), (False, [0, 0])):
        found = of_layout(paths, form, header)
        assert [file.start for file in found.files] == starts
        assert found.form is form


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("target", [1, 7, 30, 10_000])
def test_stretches_have_each_line_once(tmp_path: Path, target: int, suffix: str) -> None:
    lines = [b"%d,%s\n" % (n, b"x" * (n % 19)) for n in range(100)]
    text = b"".join(lines).removesuffix(b"\n")
    path = tmp_path / f"r.csv{suffix}"
    path.write_bytes(gzip.compress(text) if suffix else text)
    form = Form(",", ("a", "b"), Columns({}))
    (file,) = of_layout([path], form, header=True).files
    found = [b"".join(texts(stretch, 16)) for stretch in _stretches(file, target)]
    assert b"".join(found) == b"".join(lines[1:])
    assert all(text.endswith(b"\n") for text in found)
    assert (len(found) == 1) == (bool(suffix) or target == 10_000)
    if target == 1 and not suffix:
        assert len(found) > 60


def test_a_file_of_no_line_feed_is_one_stretch(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"1,2\r3,4\r5,6\r")
    (stretch,) = _stretches(described(path, 0, 0), 3)
    assert b"".join(texts(stretch, 16)) == b"1,2\n3,4\n5,6\n"
