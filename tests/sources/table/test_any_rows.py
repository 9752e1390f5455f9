"""Whatever the rows: read by Arrow or line by line, they are the same."""

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from ymr_spark.sources.reasons import text_fault
from ymr_spark.sources.table import text_rows
from ymr_spark.sources.table.columns import Columns
from ymr_spark.sources.table.text_rows import Form, parsed

NAMES = ("user", "rating", "note", "time")
COLUMNS = Columns({"user": "user", "rating": "rating", "time": "time"})

good = st.sampled_from([b"7", b"u", b"4.5", b"-3", b"", b"2020-01-02", b"1600000000", b"\xc3\xa9"])
odd = st.sampled_from(
    [b'"x,y"', b'"d""q"', b'm"d', b'"o"p', b'"', b'"o', b"\xff", b"\0", b" 5 ", b"\t", b"nan", b":"]
)
fields = st.one_of(good, good, good, odd)
rows = st.lists(good, min_size=4, max_size=4)
lines = st.one_of(
    rows,
    rows,
    st.lists(fields, min_size=4, max_size=4),
    st.lists(fields, min_size=4, max_size=4),
    st.lists(fields, max_size=6),
)
ends = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b"\n\r\n"])
texts = st.lists(st.tuples(lines, ends), max_size=12)
separators = st.sampled_from([b",", b",", b"\t", b"::", b";"])


def told(text: bytes, form: Form) -> object:
    found = parsed(text, form, "f", 5)
    places = [found.place(row) for row in range(len(found.rows))]
    return found.rows.to_pylist(), found.broken, places


@given(texts, separators, st.booleans())
def test_rows_faults_and_places_are_the_same_both_ways(
    table: list[tuple[list[bytes], bytes]], separator: bytes, quoted: bool
) -> None:
    text = b"".join(separator.join(line) + end for line, end in table)
    form = Form(separator.decode(), NAMES, COLUMNS, quoted)
    quick = told(text, form)
    with mock.patch.object(text_rows, "_by_arrow", return_value=None):
        assert told(text, form) == quick


@given(texts, separators)
def test_each_line_is_a_row_or_broken(
    table: list[tuple[list[bytes], bytes]], separator: bytes
) -> None:
    text = b"".join(separator.join(line) + end for line, end in table)
    found = parsed(text, Form(separator.decode(), NAMES, COLUMNS, quoted=False), "f", 0)
    expected = [line.removesuffix(b"\r") for line in text.split(b"\n")]
    expected = [line for line in expected if line]
    good = [not text_fault(line) and line.count(separator) == 3 for line in expected]
    assert found.rows["user"].to_pylist() == [
        line.split(separator)[0].decode() or None
        for line, is_good in zip(expected, good, strict=True)
        if is_good
    ]
    places = [found.place(row) for row in range(len(found.rows))]
    for is_good, those in ((True, places), (False, [fault[:3] for fault in found.broken])):
        assert [raw for _, _, raw in those] == [
            line.decode(errors="backslashreplace")
            for line, as_good in zip(expected, good, strict=True)
            if as_good == is_good
        ]
        for _, offset, raw in those:
            assert offset is not None
            assert text[offset:].decode(errors="backslashreplace").startswith(raw)
