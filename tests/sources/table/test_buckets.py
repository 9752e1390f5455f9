import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from dealt_rows import Row, dealt, found, listed, pieces

from ymr_spark.errors import DataContractError
from ymr_spark.sources.table import buckets
from ymr_spark.sources.table.found import Found
from ymr_spark.sources.table.splitting import SplitRule

FILES = SplitRule("files", 0, 0, None, validation_ratings=0, validation_share=0, seed=1)
LATEST = SplitRule("time", 1, 1, None, validation_ratings=1, validation_share=1, seed=1)


def key(bucket: int) -> tuple["pa.Scalar[Any]", ...]:
    return (pa.scalar(bucket, pa.int32()),)


def audited(rule: SplitRule, *parts: Found) -> dict[str, Any]:
    table = resolved(rule, *parts)
    assert table.schema == buckets._RESOLVED
    (row,) = table.to_pylist()
    return dict(row)


def resolved(rule: SplitRule, *parts: Found) -> pa.Table:
    return buckets.resolve(rule, "t")(key(0), pieces(dealt(parts), 0))


def rated(
    rule: SplitRule, users: list[str], items: list[str], expected: list[int], *parts: Found
) -> pa.Table:
    table = resolved(rule, *parts)
    place = table.schema.get_field_index("splits")
    table = table.set_column(place, "splits", pa.array([expected]))
    ids = pa.array(users), pa.array(items)
    return pa.Table.from_batches(buckets.ratings(rule, lambda: ids, table.to_batches()))


def numbered(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row.values())[:4] for row in table.to_pylist()]


def test_an_audit_counts_splits_and_lists_ids() -> None:
    parts = (
        found(("b", "x", 1.0, 3, None), ("a", "y", 2.0, 1, None), ("b", "y", 3.0, 2, None)),
        found(("b", "z", 4.0, 1, None), ("a", "x", 5.0, 2, None), ("c", "x", 5.0, 2, None)),
    )
    audit = audited(LATEST, *parts)
    # b: z, y, x in time; a: y, x; c has one. Test: b x, a x. Validation, of two and more: b y.
    assert audit["splits"] == [3, 1, 2]
    assert sorted(audit["users"]) == ["a", "b", "c"]
    assert sorted(audit["items"]) == ["x", "y", "z"]
    assert (audit["bucket"], audit["faults"]) == (0, [])


def test_what_was_told_of_blocks_stays_as_it_is() -> None:
    table = dealt([found(("a", "x", 1.0, 1, None), broken=2)])
    told = pieces(table, -1)
    kept = buckets.resolve(LATEST, "t")(key(-1), told)
    assert kept.schema == buckets._RESOLVED
    assert kept.select(told.column_names).to_pylist() == told.to_pylist()
    assert listed(kept, "splits") == [None]


def test_of_duplicates_the_latest_stays_then_the_best_rated() -> None:
    rows: list[Row] = [
        ("u", "i", 5.0, 1, None),
        ("u", "j", 2.0, 7, None),
        ("u", "i", 1.0, 2, None),
        ("u", "i", 3.0, 2, None),
        ("u", "j", 2.0, None, None),
        ("v", "i", 4.0, 0, None),
    ]
    for order in (rows, rows[::-1]):
        audit = audited(FILES, found(*order[:2]), found(*order[2:]))
        assert audit["splits"] == [3, 0, 0]
        faults = audit["faults"]
        assert {(f["file"], f["offset"], f["reason"]) for f in faults} == {("t", None, "duplicate")}
        assert sorted(f["raw"] for f in faults) == sorted(
            json.dumps(raw)
            for raw in (
                {"user": "u", "item": "i", "rating": 5.0, "time": 1},
                {"user": "u", "item": "i", "rating": 1.0, "time": 2},
                {"user": "u", "item": "j", "rating": 2.0},
            )
        )
        kept = rated(FILES, ["u", "v"], ["i", "j"], [3, 0, 0], found(*order))
        assert numbered(kept) == [
            (0, 0, 3.0, "train"),
            (0, 1, 2.0, "train"),
            (1, 0, 4.0, "train"),
        ]


def test_without_times_the_best_rated_of_duplicates_stays() -> None:
    rows = [("u", "i", rating, None, None) for rating in (2.0, 4.5, 3.0, 4.5)]
    assert len(audited(FILES, found(*rows))["faults"]) == 3
    assert numbered(rated(FILES, ["u"], ["i"], [1, 0, 0], found(*rows))) == [(0, 0, 4.5, "train")]


def test_of_train_and_test_the_test_row_stays() -> None:
    rows: list[Row] = [
        ("u", "i", 5.0, 9, False),
        ("u", "i", 4.0, 1, True),
        ("u", "i", 3.0, 2, True),
        ("u", "i", 2.0, 3, False),
        ("u", "j", 1.0, 1, False),
        ("u", "j", 2.0, 0, False),
    ]
    audit = audited(FILES, found(*rows))
    assert audit["splits"] == [1, 0, 1]
    assert sorted((json.loads(f["raw"])["rating"], f["reason"]) for f in audit["faults"]) == [
        (2.0, "duplicate"),
        (2.0, "in_train_and_test"),
        (4.0, "duplicate"),
        (5.0, "in_train_and_test"),
    ]
    kept = rated(FILES, ["u"], ["i", "j"], [1, 0, 1], found(*rows))
    assert numbered(kept) == [(0, 1, 1.0, "train"), (0, 0, 3.0, "test")]


def test_what_files_say_is_nothing_to_other_rules() -> None:
    rows = [("u", "i", 5.0, 9, False), ("u", "i", 4.0, 1, True), ("u", "j", 1.0, 3, True)]
    audit = audited(replace(LATEST, by="hash"), found(*rows))
    assert audit["splits"] == [1, 0, 1]
    assert [f["reason"] for f in audit["faults"]] == ["duplicate"]
    assert json.loads(audit["faults"][0]["raw"])["rating"] == 4.0


def test_ratings_by_number_with_users_and_songs_ascending_in_each_split() -> None:
    rows = [
        (user, item, float(5 - place), time, None)
        for user in ("10", "9")
        for place, (item, time) in enumerate([("x", 4), ("b", 1), ("y", 2), ("a", 3)])
    ]
    # "7", "z" and "c" belong to other buckets.
    items = ["z", "y", "x", "c", "b", "a"]
    table = rated(LATEST, ["7", "9", "10"], items, [4, 2, 2], found(*rows))
    assert table.schema == buckets._RATINGS
    assert numbered(table) == [
        (1, 1, 3.0, "train"),
        (1, 4, 4.0, "train"),
        (2, 1, 3.0, "train"),
        (2, 4, 4.0, "train"),
        (1, 5, 2.0, "validation"),
        (2, 5, 2.0, "validation"),
        (1, 2, 5.0, "test"),
        (2, 2, 5.0, "test"),
    ]
    assert set(listed(table, "part")) == {0}


def test_the_rows_come_out_the_same_whatever_order_they_come_in() -> None:
    random = np.random.default_rng(3)
    rule = SplitRule("hash", 3, 0.3, None, validation_ratings=2, validation_share=0.3, seed=4)
    rows: list[Row] = [
        (str(random.integers(20)), str(random.integers(30)), float(random.integers(5)), None, None)
        for _ in range(600)
    ]
    ids = [str(n) for n in range(30)]
    expected = None
    for _ in range(3):
        order = [rows[place] for place in random.permutation(len(rows))]
        parts = found(*order[:250]), found(*order[250:])
        audit = audited(rule, *parts)
        kept = sum(audit["splits"])
        assert kept + len(audit["faults"]) == 600
        assert kept == len({row[:2] for row in rows})
        table = rated(rule, ids[:20], ids, audit["splits"], *parts)
        assert table.num_rows == kept
        expected = expected or numbered(table)
        assert numbered(table) == expected


@pytest.mark.parametrize("expected", [[1, 1, 1], [1, 1, 0], [2, 0, 1], [0, 0, 0]])
def test_other_counts_than_were_audited_fail(expected: list[int]) -> None:
    rows = found(*(("u", str(n), 1.0, n, None) for n in range(4)))
    words = r"bucket 0: \[2, 1, 1\] rows of train, validation, test, \[.*\] were audited"
    with pytest.raises(DataContractError, match=words):
        rated(LATEST, ["u"], ["0", "1", "2", "3"], expected, rows)
    assert rated(LATEST, ["u"], ["0", "1", "2", "3"], [2, 1, 1], rows).num_rows == 4
