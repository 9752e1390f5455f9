from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from raw_files import write

from ymr_spark.errors import DataContractError
from ymr_spark.sources.r2 import audit, files, unit_rows
from ymr_spark.sources.r2.audit import Findings
from ymr_spark.sources.r2.examination import examine
from ymr_spark.sources.r2.parsing import Lines, parse
from ymr_spark.sources.r2.scale import R2
from ymr_spark.sources.r2.unit_rows import ValidationRule

FOUND = Findings(
    lines={"train": 90, "test": 10},
    kept={"train": 86, "test": 9},
    quarantined={"train": {"rating": 3, "duplicate": 1}, "test": {"rating": 1}},
    units={},
    users=[(3, 5), (0, 2)],
    splittable=True,
    errors=[],
)


def test_what_passes() -> None:
    audit.check(FOUND, max_quarantine_share=0.05)


@pytest.mark.parametrize(
    ("changed", "share", "words"),
    [
        ({}, 0.049, r"5 of 100 lines would be quarantined.*raise ingest\.max_quarantine_share"),
        ({"kept": {"train": 85, "test": 9}}, 1.0, "train: 90 lines read, but 85 kept and 4 quar"),
        ({"kept": {"train": 87, "test": 9}}, 1.0, "train: 90 lines read, but 87 kept and 4 quar"),
        (
            {
                "kept": {"train": 86, "test": 0},
                "quarantined": FOUND.quarantined | {"test": {"rating": 10}},
            },
            1.0,
            "test: no line of it is kept",
        ),
        ({"errors": ["a", "b"]}, 1.0, "a; b"),
    ],
)
def test_what_does_not(changed: dict[str, Any], share: float, words: str) -> None:
    with pytest.raises(DataContractError, match=words):
        audit.check(replace(FOUND, **changed), share)


def test_a_user_at_the_edges_of_two_blocks_is_not_whole() -> None:
    assert FOUND.whole_users()
    assert not replace(FOUND, users=[(3, 5), (0, 3)]).whole_users()


def test_rows_have_the_part_and_split_of_their_file(tmp_path: Path) -> None:
    for part in (0, 7):
        write(tmp_path, b"0\t0\t1\n", b"0\t1\t1\n", part)
    raw = files.find(tmp_path)
    # Train files have the even indices; user 5's rows lie in both parts.
    train, test = (
        parse(
            Lines.of_block(b"".join(b"5\t%d\t%d\n" % (song, song % 5 + 1) for song in songs), 0, 0),
            R2,
        )
        for songs in (range(6), (8, 9))
    )
    of_files = np.array([0, 0, 0, 2, 2, 2]), np.array([1, 3])
    train, test = (
        replace(parsed, lines=replace(parsed.lines, file=file))
        for parsed, file in zip((train, test), of_files, strict=True)
    )
    examined = examine(train, test, np.ones(10, bool))
    summary = unit_rows.ratings(raw.ratings, ValidationRule(2, 0.5, 1), {4: (6, 2)})
    found = pa.Table.from_batches(list(summary(4, [examined]))).to_pylist()
    assert {(r["song_id"], r["part"]) for r in found} == {
        *((song, 0) for song in (0, 1, 2, 8)),
        *((song, 7) for song in (3, 4, 5, 9)),
    }
    assert [r["split"] for r in found] == ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
    assert all(r["user_id"] == 5 and r["rating"] == r["song_id"] % 5 + 1 for r in found)
    for other in ((5, 2), (6, 1)):
        with pytest.raises(DataContractError, match="unit 4 has 6 train and 2 test rows"):
            list(
                unit_rows.ratings(raw.ratings, ValidationRule(2, 0.5, 1), {4: other})(4, [examined])
            )
