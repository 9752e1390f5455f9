"""Judging rows beside each other: known songs, duplicates, rows in train and test."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ymr_spark.sources.forgotten import NOBODY, Forgotten
from ymr_spark.sources.r2.parsing import Ints, Lines, Parsed, ParsedRows
from ymr_spark.sources.reasons import Reason

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Fault:
    """A line that goes into quarantine."""

    file: int  # index
    offset: int  # of its first byte in the decompressed file
    raw: str  # without line feed, bytes that are no UTF-8 as \\xNN
    reason: Reason


@dataclass(frozen=True)
class Examined:
    """All rows of some users: kept, sorted by user and song; and what was not kept."""

    train: ParsedRows
    test: ParsedRows
    train_file: Ints  # (train rows,) index of the file
    test_file: Ints
    faults: tuple[Fault, ...]
    lines: tuple[Ints, Ints]  # the file of each line read, train and test

    def users(self) -> tuple[int, int] | None:
        """The first and the last user; None where no row was kept."""
        both = [rows.user for rows in (self.train, self.test) if len(rows)]
        if not both:
            return None
        return int(min(users[0] for users in both)), int(max(users[-1] for users in both))


def examine(
    train: Parsed, test: Parsed, known_songs: Flags, forgotten: Forgotten = NOBODY
) -> Examined:
    """Judge all rows of some users.

    Of rows with the same user and song the first in file order stays, in train and test
    each; after that the test row stays and the train row goes.

    Args:
        train: lines in file order, as `test`; of each user all or none.
        known_songs: by song id, whether there is such a song; longer ids are unknown.
        forgotten: users of whom no row is taken.
    """
    train_rows, train_faults = _distinct(train, known_songs, forgotten)
    test_rows, test_faults = _distinct(test, known_songs, forgotten)
    in_both = _found(train_rows.key(), test_rows.key())
    if len(in_both):
        train_faults += _with(train_rows[in_both], Reason.TRAIN_AND_TEST)
        train_rows = train_rows[_without(len(train_rows), in_both)]
    return Examined(
        train_rows,
        test_rows,
        train.lines.file[train_rows.line],
        test.lines.file[test_rows.line],
        tuple(
            fault
            for lines, faults in ((train.lines, train_faults), (test.lines, test_faults))
            for fault in _described(lines, faults, forgotten)
        ),
        (train.lines.file, test.lines.file),
    )


_Faults = list[tuple[int, Reason]]


def _distinct(
    parsed: Parsed, known_songs: Flags, forgotten: Forgotten
) -> tuple[ParsedRows, _Faults]:
    """Rows of known songs sorted by user and song, the first of each; the others' faults."""
    rows, faults = parsed.rows, list(parsed.faults)
    if forgotten.numbers:
        gone = np.isin(rows.user, [*forgotten.numbers])
        faults += _with(rows[gone], Reason.FORGOTTEN)
        rows = rows[~gone]
    in_list = rows.song < len(known_songs)
    known = in_list & known_songs[np.where(in_list, rows.song, 0)]
    if not known.all():
        faults += _with(rows[~known], Reason.UNKNOWN_SONG)
        rows = rows[known]
    key = rows.key()
    if (key[1:] > key[:-1]).all():
        return rows, faults
    order = np.argsort(key, kind="stable")
    rows, key = rows[order], key[order]
    repeated = np.concatenate([[False], key[1:] == key[:-1]])
    faults += _with(rows[repeated], Reason.DUPLICATE)
    return rows[~repeated], faults


def _found(key: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> Ints:
    """Places in the ascending `key` of the values that are also in `others`."""
    places = np.searchsorted(key, others)
    inside = places < len(key)
    places, others = places[inside], others[inside]
    found: Ints = places[key[places] == others]
    return found


def _without(rows: int, places: Ints) -> Flags:
    keep = np.ones(rows, bool)
    keep[places] = False
    return keep


def _with(rows: ParsedRows, reason: Reason) -> _Faults:
    return [(int(line), reason) for line in rows.line]


def _described(lines: Lines, faults: _Faults, forgotten: Forgotten) -> Iterator[Fault]:
    for line, reason in sorted(faults):
        raw = forgotten.kept(lines.line(line).decode(errors="backslashreplace"))
        yield Fault(int(lines.file[line]), int(lines.offset[line]), raw, reason)
