"""User-aligned stretches of train_N and test_N: the unit of work of one task."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ymr_spark.sources.r2.files import Part
from ymr_spark.sources.raw_file import READ_ERRORS, unreadable
from ymr_spark.sources.stretches import Stretch
from ymr_spark.store import text as texts
from ymr_spark.store.text import Text

_USER = re.compile(rb"([0-9]{1,9})\t")
_LONGEST_USER = 10
_SCAN_BYTES = 4_096  # below this a search goes line by line


@dataclass(frozen=True)
class Range:
    """The stretches of a part's files that hold the same users, if both files ascend by user."""

    number: int
    train: Stretch
    test: Stretch


def plan(parts: tuple[Part, ...], target_bytes: int) -> list[Range]:
    """Cut every part into ranges of about `target_bytes` of train text.

    Every line lies in just one range whatever the files hold; that users do not straddle
    ranges holds for ascending files only and is for the caller to verify.
    """
    stretches = [pair for part in parts for pair in _stretches(part, target_bytes)]
    return [Range(i, train, test) for i, (train, test) in enumerate(stretches)]


def _stretches(part: Part, target_bytes: int) -> Iterator[tuple[Stretch, Stretch]]:
    if part.train.compressed or part.test.compressed:
        yield Stretch(part.train, part.train.start, None), Stretch(part.test, part.test.start, None)
        return
    try:
        starts, sizes = (part.train.start, part.test.start), (part.train.size, part.test.size)
        cuts = [starts, *_cuts(part, target_bytes), sizes]
    except READ_ERRORS as e:
        raise unreadable(part.train.path, e) from e
    for (train, test), (train_end, test_end) in pairwise(cuts):
        yield Stretch(part.train, train, train_end), Stretch(part.test, test, test_end)


def _cuts(part: Part, target_bytes: int) -> Iterator[tuple[int, int]]:
    """Offsets in train where a user begins, each with that user's place in test."""
    with texts.opened(part.train.path) as train, texts.opened(part.test.path) as test:
        last, in_test = part.train.start, part.test.start
        for target in range(target_bytes, part.train.size, target_bytes):
            found = _next_user(train, max(target, last))
            if found is None:
                return
            last, user = found
            in_test = _lower_bound(test, user, in_test)
            yield last, in_test


def _next_user(text: Text, offset: int) -> tuple[int, int] | None:
    """Where, after `offset`, a line's user differs from that of the line before; that user."""
    before = None
    for at, user in _users(text, _line_after(text, offset)):
        if before is not None and user != before:
            return at, user
        before = user
    return None


def _lower_bound(text: Text, user: int, low: int) -> int:
    """The start of the first line from `low` on whose user is `user` or a later one."""
    high = len(text)
    while high - low > _SCAN_BYTES:
        middle = (low + high) // 2
        at, found = next(_users(text, _line_after(text, middle)), (high, user))
        if found >= user:
            high = middle
        else:
            low = at
    return next((at for at, found in _users(text, low) if found >= user), len(text))


def _users(text: Text, start: int) -> Iterator[tuple[int, int]]:
    """Start and user of each line from `start` on; lines that name no user are passed over."""
    while start < len(text):
        match = _USER.match(text[start : start + _LONGEST_USER])
        if match:
            yield start, int(match[1])
        start = _line_after(text, start)


def _line_after(text: Text, offset: int) -> int:
    end = text.find(b"\n", offset)
    return len(text) if end < 0 else end + 1
