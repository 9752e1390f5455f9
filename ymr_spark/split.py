"""Rows held out of each user's, by a seeded hash or the latest: blind to partitioning and order."""

from typing import Any

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.integer[Any]]

SPLITS = ("train", "validation", "test")
# Candidates a row wanted, on average: nearly all users then have as many as are wanted.
_CANDIDATES = 3


def validation_rows(
    user: Ids, song: Ids, per_user: int, share: float, seed: int
) -> npt.NDArray[np.bool_]:
    """Which train rows are held out: of each user the `per_user` rows of smallest hash.

    Not more than `share` of a user's rows either, but one of any two. The hash of (seed, user,
    song) is one-to-one in (user, song), so that there are no ties.

    Args:
        user: (rows,), all rows of a user next to each other.
        song: (rows,), distinct within a user.

    Returns:
        (rows,) mask.
    """
    chosen = np.zeros(len(user), bool)
    if not len(user):
        return chosen
    rows, run = runs(user)
    wanted = wanted_rows(rows, per_user, share)
    value = row_hash(user, song, seed)
    # Sorting all rows would cost more than parsing them: sort those that can be chosen.
    looked_at = np.minimum(1.0, _CANDIDATES * wanted / rows)
    limit = (looked_at * float(2**63)).astype(np.uint64)
    below = value >> np.uint64(1) <= limit[run]
    lacking = np.bincount(run[below], minlength=len(rows)) < wanted
    candidates = np.flatnonzero(below | lacking[run])
    order = candidates[np.lexsort((value[candidates], run[candidates]))]
    counts = np.bincount(run[order], minlength=len(rows))
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    chosen[order[rank < wanted[run[order]]]] = True
    return chosen


def latest_rows(
    user: Ids, song: Ids, time: Ids, per_user: int, share: float, seed: int
) -> npt.NDArray[np.bool_]:
    """As `validation_rows`, but of each user the latest rows; of rows of one time, those of the
    largest hash.

    Args:
        time: (rows,), in any unit.
    """
    chosen = np.zeros(len(user), bool)
    if not len(user):
        return chosen
    rows, run = runs(user)
    order = np.lexsort((row_hash(user, song, seed), time, run))
    # How many rows of its user come behind each.
    behind = np.repeat(np.cumsum(rows), rows) - 1 - np.arange(len(user))
    chosen[order[behind < wanted_rows(rows, per_user, share)[run]]] = True
    return chosen


def runs(user: Ids) -> tuple[Ids, Ids]:
    """Of rows each user's of which are next to each other: how many each user has, and the
    place of each row's user among them."""
    starts = np.flatnonzero(np.concatenate([[True], user[1:] != user[:-1]]))
    rows = np.diff(np.append(starts, len(user)))
    return rows, np.repeat(np.arange(len(starts)), rows)


def wanted_rows(rows: Ids, per_user: int, share: float) -> Ids:
    """How many rows of each user are held out, given how many it has."""
    # A product of 2.9999999 is meant as 3.
    most = np.maximum(np.floor(rows * share + 1e-9), 1).astype(np.int64)
    return np.minimum(np.minimum(per_user, most), rows // 2)


def row_hash(user: Ids, song: Ids, seed: int) -> npt.NDArray[np.uint64]:
    """64 bits for each (seed, user, song), by the finaliser of splitmix64 (Steele et al. 2014)."""
    key = user.astype(np.uint64) << np.uint64(32) | song.astype(np.uint64)
    return _mixed(key ^ _mixed(np.array([seed], np.uint64)))


def _mixed(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    mixed = value + np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
