"""Rows that are ratings, and the reasons of those that are none."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark.scale import Scale
from ymr_spark.sources.forgotten import NOBODY, Forgotten
from ymr_spark.sources.reasons import Reason
from ymr_spark.sources.table.found import Found, Quarantined

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rules:
    """What a row must have besides two ids and a rating.

    Attributes:
        scale: that ratings must be on; None where it is to be measured.
        time, split: whether a row must have one.
        forgotten: users of whom no row is taken.
    """

    scale: Scale | None
    time: bool
    split: bool
    forgotten: Forgotten = NOBODY


def judged(found: Found, rules: Rules) -> tuple[pa.Table, list[Quarantined]]:
    """The rows without a fault, and all that was wrong; each row has its first reason."""
    rows, kept = found.rows, rules.forgotten.kept
    wrong = [(file, at, kept(raw), why) for file, at, raw, why in found.broken]
    good = np.ones(len(rows), bool)
    for reason, bad in _faults(rows, rules):
        at = np.flatnonzero(good & bad)
        places = map(found.place, at.tolist())
        wrong += [(file, at, kept(raw), str(reason)) for file, at, raw in places]
        good[at] = False
    return (rows if good.all() else rows.filter(pa.array(good))), wrong


def _faults(rows: pa.Table, rules: Rules) -> list[tuple[Reason, Flags]]:
    rating = rows["rating"].to_numpy()
    faults = []
    if rules.forgotten.ids:
        ids: Any = pa.array(sorted(rules.forgotten.ids))
        named: Any = pc.is_in(rows["user"], ids)
        faults.append((Reason.FORGOTTEN, _flags(named)))
    faults += [
        (Reason.NO_ID, _blank(rows["user"]) | _blank(rows["item"])),
        (Reason.NOT_A_NUMBER, np.isnan(rating)),
    ]
    if rules.scale is not None:
        faults.append((Reason.OFF_SCALE, ~rules.scale.holds(rating)))
    if rules.time:
        faults.append((Reason.NO_TIME, _flags(rows["time"].is_null())))
    if rules.split:
        faults.append((Reason.NO_SPLIT, _flags(rows["test"].is_null())))
    return faults


def _blank(column: "pa.ChunkedArray[Any]") -> Flags:
    """Whether nothing is there but blanks."""
    text: Any = column.combine_chunks()
    length = pc.fill_null(pc.binary_length(text), 0).to_numpy()
    blanks = pc.fill_null(pc.utf8_is_space(text), True).to_numpy(zero_copy_only=False)
    found: Flags = (length == 0) | blanks
    return found


def _flags(column: "pa.ChunkedArray[Any]") -> Flags:
    found: Flags = column.to_numpy()
    return found
