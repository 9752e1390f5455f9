import numpy as np
import pytest
from raw_files import FAULTS

from ymr_spark.scale import Scale
from ymr_spark.sources.r2.parsing import MAX_ID, Lines, Parsed, fault, parse
from ymr_spark.sources.r2.scale import R2
from ymr_spark.sources.reasons import Reason

HALVES = Scale(0.5, 5, 0.5)


def parsed(text: bytes, offset: int = 0, scale: Scale = R2) -> Parsed:
    return parse(Lines.of_block(text, file=0, offset=offset), scale)


def values(result: Parsed) -> list[list[float]]:
    rows = result.rows
    listed: list[list[float]] = np.c_[rows.user, rows.song, rows.rating].tolist()
    return listed


def test_regular_lines() -> None:
    result = parsed(b"0\t5\t1\n0\t7\t5\n16777215\t0\t3\n", offset=100)
    assert values(result) == [[0, 5, 1], [0, 7, 5], [MAX_ID, 0, 3]]
    assert result.faults == ()
    assert result.lines.offset.tolist() == [100, 106, 112]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        *((shape.format(n=7).encode(), reason) for reason in FAULTS for shape in FAULTS[reason]),
        (b"7\t\xff\t3", Reason.BAD_UTF8),
        ("7\t\u0663\t3".encode(), Reason.NOT_AN_INTEGER),  # an Arabic-Indic digit
        (b"\xef\xbb\xbf7\t1\t3", Reason.NOT_AN_INTEGER),  # a byte order mark
        (b'"7"\t1\t3', Reason.NOT_AN_INTEGER),
        (b"7\t1\t3 ", Reason.NOT_A_NUMBER),
        (b"7\t1\t3\r4", Reason.NOT_A_NUMBER),
        (b"7\t1\t3\r\r", Reason.NOT_A_NUMBER),
        (b"7\t1\t1e0", Reason.NOT_A_NUMBER),
        (b"7\t1\t4.5", Reason.OFF_SCALE),
        (b"7\t1\t-3", Reason.OFF_SCALE),
        (b"7\t1\t" + b"9" * 5000, Reason.OFF_SCALE),
        (b"-0\t1\t3", Reason.ID_RANGE),
        (b"\t\t", Reason.NOT_AN_INTEGER),
        # precedence: the first of the reasons holds
        (b"\0\xff", Reason.NUL_BYTE),
        (b"\xff", Reason.BAD_UTF8),
        (b"x\t1", Reason.FIELDS),
        (b"x\t-1\t9", Reason.NOT_AN_INTEGER),
        (b"-1\t1\tx", Reason.ID_RANGE),
    ],
)
def test_each_fault_alone_between_good_lines(line: bytes, reason: Reason) -> None:
    result = parsed(b"1\t2\t3\n" + line + b"\n4\t5\t1\n")
    if reason is Reason.UNKNOWN_SONG:  # found when rows are examined beside the songs
        assert result.faults == ()
        return
    assert result.faults == ((1, reason),)
    assert values(result) == [[1, 2, 3], [4, 5, 1]]
    assert result.rows.line.tolist() == [0, 2]
    assert result.lines.line(1) == line


@pytest.mark.parametrize(
    "line",
    [
        *(b"007\t1\t3", b"7\t1\t3\r", b"00000000000000000007\t0001\t05\r", b"7\t1\t0003"),
        *(b"7\t1\t3.0", b"7\t1\t3.", b"7\t1\t003.000"),
    ],
)
def test_fast_and_careful_parsing_agree_on_odd_but_good_lines(line: bytes) -> None:
    assert fault(line, fields=3, scale=R2) is None
    alone = parsed(line + b"\n")
    beside_a_fault = parsed(b"x\n" + line + b"\n")
    assert values(alone) == values(beside_a_fault)
    assert alone.faults == ()
    assert beside_a_fault.faults == ((0, Reason.FIELDS),)


def test_half_stars() -> None:
    good = b"1\t2\t0.5\n1\t3\t5\n2\t2\t3.50\n2\t3\t.5\n2\t4\t1.0\n"
    stars = [0.5, 5, 3.5, 0.5, 1]
    for text, faults in (
        (good, ()),
        (good + b"3\t1\t3.25\n", ((5, Reason.OFF_SCALE),)),
        (good + b"3\t1\t0\n3\t1\t.\n", ((5, Reason.OFF_SCALE), (6, Reason.NOT_A_NUMBER))),
        (good + b"3.5\t1\t4\n", ((5, Reason.NOT_AN_INTEGER),)),
    ):
        result = parsed(text, scale=HALVES)
        assert (result.rows.rating.tolist(), result.faults) == (stars, faults)


def test_only_faults_and_nothing() -> None:
    assert parsed(b"\n").faults == ((0, Reason.FIELDS),)
    assert parsed(b"\n\n\n").faults == tuple((i, Reason.FIELDS) for i in range(3))
    assert len(parsed(b"").lines) == 0


def test_a_cut_leaves_every_line_on_one_side() -> None:
    before, after = parsed(b"1\t2\t3\nx\n4\t5\t1\ny\n6\t7\t2\n", offset=10).cut(2)
    assert values(before) == [[1, 2, 3]]
    assert values(after) == [[4, 5, 1], [6, 7, 2]]
    assert before.faults == ((1, Reason.FIELDS),)
    assert after.faults == ((1, Reason.FIELDS),)
    assert [after.lines.line(int(i)) for i in after.rows.line] == [b"4\t5\t1", b"6\t7\t2"]
    assert after.lines.offset.tolist() == [18, 24, 26]


@pytest.mark.parametrize("at", range(6))
def test_a_cut_at_any_line_loses_no_fault(at: int) -> None:
    sides = parsed(b"1\t2\t3\nx\n4\t5\t1\ny\n6\t7\t2\n").cut(at)
    faults = [side.lines.line(line) for side in sides for line, _ in side.faults]
    assert faults == [b"x", b"y"]
    assert [len(side.lines) for side in sides] == [at, 5 - at]
