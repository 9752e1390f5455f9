"""Each case by Arrow where it can and by single lines: what is found has to be the same."""

from pathlib import Path

import pyarrow as pa
import pytest

from ymr_spark.sources.raw_file import described
from ymr_spark.sources.stretches import Stretch
from ymr_spark.sources.table import text_rows
from ymr_spark.sources.table.columns import Columns
from ymr_spark.sources.table.found import Found
from ymr_spark.sources.table.text_rows import Form, parsed, reader

NAMES = ("user", "item", "rating", "time")
COLUMNS = Columns({name: name for name in NAMES})
CSV = Form(",", NAMES, COLUMNS)


@pytest.fixture(params=["quick", "careful"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "careful":
        monkeypatch.setattr(text_rows, "_by_arrow", lambda text, form: None)
    return str(request.param)


def values(found: Found) -> list[tuple[object, ...]]:
    return [tuple(row.values())[:4] for row in found.rows.to_pylist()]


def places(found: Found) -> list[tuple[str, int | None, str]]:
    return [found.place(row) for row in range(len(found.rows))]


def test_regular_rows_and_their_places() -> None:
    found = parsed(b"7,a,3,10\n8,b c,4.5,-20\n", CSV, "r.csv", 100)
    assert values(found) == [("7", "a", 3.0, 10), ("8", "b c", 4.5, -20)]
    assert found.rows["test"].to_pylist() == [None, None]
    assert (found.broken, found.lines) == ([], 2)
    assert places(found) == [("r.csv", 100, "7,a,3,10"), ("r.csv", 109, "8,b c,4.5,-20")]


def test_columns_that_are_not_wanted_are_left_out() -> None:
    form = Form(",", ("x", "at", "who", "y", "what"), Columns({"user": "who", "item": "what"}))
    found = parsed(b"1,2,u,3,i\n", form)
    assert found.rows.to_pylist() == [
        {"user": "u", "item": "i", "rating": None, "time": None, "test": None}
    ]


@pytest.mark.parametrize("text", [b"7,a,3,10\n8,b,4,20\n", b"7,a,x,10\n8,b,4,2020-01-01\n"])
def test_lines_that_are_all_regular_are_left_to_arrow(text: bytes, way: str) -> None:
    assert (text_rows._by_arrow(text, CSV) is not None) == (way == "quick")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b'"x,y"', "x,y"),
        (b'"say ""x"""', 'say "x"'),
        (b'""', None),
        (b'7" vinyl', '7" vinyl'),
        (b'"Heroes" live', "Heroes live"),
        (b" x ", " x "),
        ("é\u2028".encode(), "é\u2028"),
    ],
)
def test_quoted_fields(field: bytes, value: str | None) -> None:
    found = parsed(field + b",i,2,3\nv," + field + b",2,3\n", CSV)
    assert values(found) == [(value, "i", 2.0, 3), ("v", value, 2.0, 3)]
    assert found.broken == []


def test_quotation_marks_are_signs_where_nothing_is_quoted() -> None:
    for form, text in (
        (Form("\t", NAMES, COLUMNS, quoted=False), b'"u"\t"i\t1\t2\n'),
        (Form("::", NAMES, COLUMNS), b'"u"::"i::1::2\n'),
    ):
        assert values(parsed(text, form)) == [('"u"', '"i', 1.0, 2)]


@pytest.mark.parametrize("separator", text_rows.SEPARATORS)
def test_separators(separator: str) -> None:
    lines = (["u", "a:b", "3.5", "10"], ["v w", "c", "1", "11"], ["u", "i", "3"])
    text = "".join(separator.join(line) + "\n" for line in lines).encode()
    found = parsed(text, Form(separator, NAMES, COLUMNS))
    assert values(found) == [("u", "a:b", 3.5, 10), ("v w", "c", 1.0, 11)]
    assert [raw for _, _, raw, _ in found.broken] == [separator.join(lines[2])]


def test_tabs_in_fields_between_double_colons() -> None:
    found = parsed(b"a\tb::i::1::2\nu::i::3::4\n", Form("::", NAMES, COLUMNS))
    assert values(found) == [("a\tb", "i", 1.0, 2), ("u", "i", 3.0, 4)]


def test_carriage_returns_and_blank_lines() -> None:
    text = b"\r\nu,i,1,2\r\n\n\r\n\n\nv,j,3,4\r\nw,k\r\n\r\nx,l,5,6\n\n"
    found = parsed(text, CSV, "f", 0)
    assert values(found) == [("u", "i", 1.0, 2), ("v", "j", 3.0, 4), ("x", "l", 5.0, 6)]
    assert places(found) == [("f", 2, "u,i,1,2"), ("f", 16, "v,j,3,4"), ("f", 32, "x,l,5,6")]
    assert found.broken == [("f", 25, "w,k", "wrong_number_of_fields")]
    assert found.lines == 4


def test_broken_lines_and_the_places_around_them() -> None:
    text = b"u,i,1,2\nfew,i,1\nv,i,1,2\nmany,i,1,2,3\n\nw,i,1,2\n"
    found = parsed(text, CSV, "f", 1_000)
    assert places(found) == [
        *(("f", 1_000, "u,i,1,2"), ("f", 1_016, "v,i,1,2"), ("f", 1_038, "w,i,1,2"))
    ]
    assert found.broken == [
        ("f", 1_008, "few,i,1", "wrong_number_of_fields"),
        ("f", 1_024, "many,i,1,2,3", "wrong_number_of_fields"),
    ]
    assert found.lines == 5


def test_without_an_offset_no_line_has_one() -> None:
    found = parsed(b"few\nu,i,1,2\n", CSV, "f")
    assert places(found) == [("f", None, "u,i,1,2")]
    assert found.broken == [("f", None, "few", "wrong_number_of_fields")]


@pytest.mark.parametrize(
    ("line", "raw", "reason"),
    [
        (b"u,i\0,1,2", "u,i\0,1,2", "nul_byte"),
        (b"\xff,i,1,2", "\\xff,i,1,2", "bad_utf8"),
        (b"u\xff", "u\\xff", "bad_utf8"),
        (b"\0\xff", "\0\\xff", "nul_byte"),
        (b'u,i,1,"2', 'u,i,1,"2', "wrong_number_of_fields"),
        (b'"u,i,1,2', '"u,i,1,2', "wrong_number_of_fields"),
        (b" ", " ", "wrong_number_of_fields"),
    ],
)
def test_each_fault_alone_and_between_good_lines(line: bytes, raw: str, reason: str) -> None:
    alone = parsed(line + b"\n", CSV, "f", 0)
    assert (values(alone), alone.broken) == ([], [("f", 0, raw, reason)])
    between = parsed(b"a,b,1,2\n" + line + b"\nc,d,3,4\n", CSV, "f", 0)
    assert values(between) == [("a", "b", 1.0, 2), ("c", "d", 3.0, 4)]
    assert between.broken == [("f", 8, raw, reason)]
    assert places(between)[1] == ("f", 9 + len(line), "c,d,3,4")
    last = parsed(b"a,b,1,2\n" + line + b"\n\n", CSV, "f", 0)
    assert (len(last.rows), last.broken) == (1, [("f", 8, raw, reason)])


def test_bytes_that_are_no_text_in_a_column_that_is_not_wanted() -> None:
    form = Form(",", ("user", "item", "rating", "note"), Columns({"user": "user", "item": "item"}))
    assert [reason for *_, reason in parsed(b"u,i,1,\xff\n", form).broken] == ["bad_utf8"]


def test_a_line_break_within_quotation_marks_breaks_both_lines() -> None:
    found = parsed(b'u,i,1,2\nu,"a\nb",1,2\nv,i,1,2\n', CSV, "f", 0)
    assert places(found) == [("f", 0, "u,i,1,2"), ("f", 20, "v,i,1,2")]
    assert [fault[1:3] for fault in found.broken] == [(8, 'u,"a'), (13, 'b",1,2')]


def test_what_is_no_number_no_time_and_no_id_is_null() -> None:
    text = b"u,i,five,1\n,i,nan,\nu,,2e400,2020-01-02\nu,i,,tomorrow\nu,i, 2 , 3 \n"
    assert values(parsed(text, CSV)) == [
        ("u", "i", None, 1),
        (None, "i", None, None),
        ("u", None, None, 1_577_923_200),
        ("u", "i", None, None),
        ("u", "i", 2.0, 3),
    ]


def test_nothing_and_blank_lines_are_no_rows() -> None:
    for text in (b"", b"\n", b"\n\r\n\n\n"):
        found = parsed(text, CSV)
        assert (len(found.rows), found.broken, found.lines) == (0, [], 0)


def test_a_split_column() -> None:
    form = Form(",", ("user", "set"), Columns({"user": "user", "test": "set"}))
    found = parsed(b"a,train\nb,Test\nc,other\nd,\n", form)
    assert found.rows["test"].to_pylist() == [False, True, None, None]


def test_files_can_say_what_is_test() -> None:
    form = Form(",", NAMES, COLUMNS, test_files=frozenset({"b.csv"}))
    for name, test in (("a.csv", False), ("b.csv", True)):
        found = parsed(b"u,i,1,2\nfew\nv,i,1,2\n", form, name)
        assert found.rows["test"].to_pylist() == [test, test]


def test_a_number_that_stands_for_0() -> None:
    form = Form(",", NAMES, COLUMNS, lowest=255)
    found = parsed(b"u,i,255,1\nu,i,90,1\nu,i,x,1\nu,i,0,1\n", form)
    assert found.rows["rating"].to_pylist() == [0.0, 90.0, None, 0.0]


def test_a_reader_gives_the_stretches_of_a_batch_with_offsets_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_rows, "BLOCK_BYTES", 9)
    path = tmp_path / "r.csv"
    path.write_bytes(b"user,...\nu,i,1,2\nv,j,3,4\nfew\nw,k,5,6")
    file = described(path, 0, 0)
    read = reader([Stretch(file, 9, 17), Stretch(file, 17, None)], CSV)
    batches = [pa.record_batch([pa.array(s)], ["stretch"]) for s in ([1], [0], [1, 0])]
    found = list(read(batches[:1]))
    assert len(found) > 1
    assert [place for f in found for place in places(f)] == [
        *(("r.csv", 17, "v,j,3,4"), ("r.csv", 29, "w,k,5,6"))
    ]
    assert [fault for f in found for fault in f.broken] == [
        ("r.csv", 25, "few", "wrong_number_of_fields")
    ]
    users = [[v for f in read([b]) for v in f.rows["user"].to_pylist()] for b in batches[1:]]
    assert users == [["u"], ["v", "w", "u"]]
