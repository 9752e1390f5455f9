import codecs
from pathlib import Path

import pytest

from ymr_spark.errors import DataContractError
from ymr_spark.sources.raw_file import described
from ymr_spark.sources.table.text_rows import fields, first_line, separator_of


@pytest.mark.parametrize(
    ("line", "separator"),
    [
        ("a\tb\tc", "\t"),
        ("a::b::c", "::"),
        ("a,b,c", ","),
        ("a;b;c", ";"),
        ("a|b|c", "|"),
        ('"a;b;c;d",e,f', ","),
        ("a,b\tc", "\t"),
        ("a;b,c,d", ","),
        ("abc", "\t"),
        ('a;b,"c', ";"),
    ],
)
def test_the_separator_is_that_of_the_most_fields(line: str, separator: str) -> None:
    assert separator_of(line) == separator


def test_fields() -> None:
    assert fields('a,"b,""c""",', ",") == ["a", 'b,"c"', ""]
    assert fields('a,"b', ",") is None
    assert fields('a,"b', ",", quoted=False) == ["a", '"b']
    assert fields('"a::b"::c', "::") == ['"a', 'b"', "c"]
    assert fields("", ",") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"user,item\n1,2\n", ("user,item", 10)),
        (codecs.BOM_UTF8 + b"user,item\r\n1,2\n", ("user,item", 14)),
        (b"user,item\r1,2\r", ("user,item", 10)),
        (b"user,item", ("user,item", 10)),
        ("é,item\n1,2\n".encode(), ("é,item", 8)),
    ],
)
def test_the_first_line_and_where_the_next_begins(
    tmp_path: Path, text: bytes, expected: tuple[str, int]
) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(text)
    assert first_line(described(path, 0, 0)) == expected


def test_a_first_line_that_is_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes("Käufer,Buch\n".encode("latin-1"))
    with pytest.raises(DataContractError, match=r"r\.csv: the first line is no UTF-8; convert it"):
        first_line(described(path, 0, 0))
