import pyarrow as pa
import pytest
from dealt_rows import dealt, found, listed, pieces

from ymr_spark.levels import MOST_LEVELS
from ymr_spark.scale import Scale
from ymr_spark.sources.table import dealing
from ymr_spark.sources.table.judging import Rules


def test_whole_users_are_dealt_with_what_is_told_of_each_block() -> None:
    users = [f"user {n}" for n in range(30)]
    parts = [found(*((u, "i", float(n), n, None) for u in users), broken=n) for n in range(2)]
    table = dealt(parts, 4)
    told = table.filter(pa.array([bucket < 0 for bucket in listed(table, "bucket")]))
    assert listed(told, "lines") == [30, 31]
    assert listed(told, "kept") == [30, 30]
    assert listed(told, "ratings") == [[0.0], [1.0]]
    assert listed(told, "faults") == [
        [],
        [{"file": "f", "offset": 0, "raw": "few", "reason": "wrong_number_of_fields"}],
    ]
    rows = [dealing.rows_of(pieces(table, bucket)["rows"]) for bucket in range(4)]
    seen = [sorted(listed(part, "user")) for part in rows]
    assert all(part[::2] == part[1::2] for part in seen)
    assert sorted(user for part in seen for user in part[::2]) == sorted(users)
    assert all(seen)
    # In whatever block a user is, and beside whomever, the bucket is the same.
    alone = dealt([found((users[3], "i", 1.0, 1, None))], 4)
    assert [users[3] in part for part in seen] == [b in listed(alone, "bucket") for b in range(4)]


def test_blocks_without_a_good_row_are_told_all_the_same() -> None:
    bad = found((None, "i", 1.0, 1, None), broken=2)
    table = dealt([bad, found()])
    assert listed(table, "bucket") == [-1, -2]
    assert listed(table, "lines") == [3, 0]
    assert listed(table, "kept") == [0, 0]
    assert [len(faults) for faults in listed(table, "faults")] == [3, 0]
    table = dealt([bad, found(("u", "i", 1.0, 1, None))])
    assert listed(table, "bucket") == [-1, -2, 0]


def test_rows_are_judged_before_they_are_dealt() -> None:
    rows = [("u", "i", 1.0, 5, None), ("u", "j", 9.0, 5, None)]
    table = dealt([found(*rows)], rules=Rules(Scale(1, 5, 1), time=False, split=False))
    assert dealing.rows_of(pieces(table, 0)["rows"])["item"].to_pylist() == ["i"]
    assert table["faults"][0].as_py() == [
        {"file": "f", "offset": 1_001, "raw": "raw", "reason": "rating_off_the_scale"}
    ]


def test_large_stretches_are_dealt_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dealing, "_ROWS_AT_ONCE", 3)
    parts = [found((f"u{n}", "i", 1.0, 1, None), (f"u{n}", "j", 1.0, 1, None)) for n in range(5)]
    table = dealt(parts)
    sizes = [
        0 if row["rows"] is None else dealing.rows_of(pa.chunked_array([[row["rows"]]])).num_rows
        for row in table.to_pylist()
    ]
    assert sizes == [0, 0, 4, 0, 0, 4, 0, 2]


def test_too_many_ratings_are_told_by_one_more_than_a_scale_has() -> None:
    rows = [("u", str(n), float(n % 300), 1, None) for n in range(600)]
    (ratings,) = listed(pieces(dealt([found(*rows)]), -1), "ratings")
    assert len(ratings) == len(set(ratings)) == MOST_LEVELS + 1
