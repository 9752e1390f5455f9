from typing import Any

import pyarrow as pa
import pytest

from ymr_spark.scale import Scale
from ymr_spark.sources.reasons import Reason
from ymr_spark.sources.table.found import ROWS, Found, Quarantined
from ymr_spark.sources.table.judging import Rules, judged

HALVES = Scale(0.5, 5, 0.5)
STRICT = Rules(HALVES, time=True, split=True)
GOOD = ("u", "i", 3.5, 7, False)


def found(*rows: tuple[Any, ...], broken: tuple[Quarantined, ...] = ()) -> Found:
    listed = [dict(zip(ROWS.names, row, strict=True)) for row in rows]
    table = pa.Table.from_pylist(listed, schema=ROWS)
    return Found(table, [*broken], lambda row: ("f", 10 * row, f"row {row}"))


def test_good_rows_stay_as_they_are() -> None:
    given = found(GOOD, ("v", "j", 0.5, -1, True))
    rows, wrong = judged(given, STRICT)
    assert rows is given.rows
    assert wrong == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((None, "i", 3.5, 7, False), Reason.NO_ID),
        (("", "i", 3.5, 7, False), Reason.NO_ID),
        (("u", " \t\u00a0", 3.5, 7, False), Reason.NO_ID),
        (("u", None, 3.5, 7, False), Reason.NO_ID),
        (("u", "i", None, 7, False), Reason.NOT_A_NUMBER),
        (("u", "i", 3.25, 7, False), Reason.OFF_SCALE),
        (("u", "i", 5.5, 7, False), Reason.OFF_SCALE),
        (("u", "i", 0.0, 7, False), Reason.OFF_SCALE),
        (("u", "i", 3.5, None, False), Reason.NO_TIME),
        (("u", "i", 3.5, 7, None), Reason.NO_SPLIT),
        # precedence
        (("", "", None, None, None), Reason.NO_ID),
        (("u", "i", None, None, None), Reason.NOT_A_NUMBER),
        (("u", "i", 9.0, None, None), Reason.OFF_SCALE),
        (("u", "i", 1.0, None, None), Reason.NO_TIME),
    ],
)
def test_each_row_has_its_first_reason(row: tuple[Any, ...], reason: Reason) -> None:
    rows, wrong = judged(found(GOOD, row, GOOD), STRICT)
    assert [tuple(kept.values()) for kept in rows.to_pylist()] == [GOOD, GOOD]
    assert wrong == [("f", 10, "row 1", str(reason))]


def test_what_no_rule_asks_for_is_no_fault() -> None:
    rows, wrong = judged(found(("u", "i", 77.7, None, None)), Rules(None, time=False, split=False))
    assert (len(rows), wrong) == (1, [])
    for rules, reason in (
        (Rules(HALVES, time=False, split=False), Reason.OFF_SCALE),
        (Rules(None, time=True, split=False), Reason.NO_TIME),
        (Rules(None, time=False, split=True), Reason.NO_SPLIT),
    ):
        _, wrong = judged(found(("u", "i", 77.7, None, None)), rules)
        assert [why for *_, why in wrong] == [reason]


def test_ids_with_blanks_around_them_are_ids() -> None:
    rows, wrong = judged(found((" u ", "i j", 1.0, 0, True)), STRICT)
    assert rows["user"].to_pylist() == [" u "]
    assert wrong == []


def test_lines_are_kept_or_wrong_and_broken_ones_stay() -> None:
    broken = ("f", 99, "few", "wrong_number_of_fields")
    bad = [("u", "i", 9.0, 7, False), (None, "i", 1.0, 7, False), ("u", "i", 4.75, 7, True)]
    given = found(bad[0], GOOD, bad[1], bad[2], broken=(broken, broken))
    rows, wrong = judged(given, STRICT)
    assert len(rows) + len(wrong) == given.lines == 6
    assert wrong == [
        broken,
        broken,
        ("f", 20, "row 2", "id_missing"),
        ("f", 0, "row 0", "rating_off_the_scale"),
        ("f", 30, "row 3", "rating_off_the_scale"),
    ]
    assert given.broken == [broken, broken]


def test_no_rows_at_all() -> None:
    rows, wrong = judged(found(), STRICT)
    assert (len(rows), wrong) == (0, [])
