"""Reading a range in blocks of whole users, in bounded memory."""

from collections.abc import Iterator

import numpy as np

from ymr_spark.scale import Scale
from ymr_spark.sources.r2.parsing import Lines, Parsed, parse
from ymr_spark.sources.r2.ranges import Range
from ymr_spark.sources.stretches import BLOCK_BYTES, Stretch, texts


def paired_blocks(
    range_: Range, scale: Scale, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[Parsed, Parsed]]:
    """Train lines and the test lines of the same users, block by block, at least one block.

    That no user is in two blocks holds for files that ascend by user. The range's test
    lines, 10 a user, are held in memory.

    Raises:
        DataContractError: a file cannot be read or decompressed, or is not lines of text.
    """
    test = parse(_whole(range_.test), scale)
    for train, last in _user_blocks(range_.train, scale, block_bytes):
        if last:
            yield train, test
        else:
            head, test = test.cut(_end_of_users(test, int(train.rows.user[-1])))
            yield train, head


def _user_blocks(stretch: Stretch, scale: Scale, block_bytes: int) -> Iterator[tuple[Parsed, bool]]:
    """Parsed blocks that end where the user changes; the last one is marked."""
    pending, offset, least = b"", stretch.start, 0
    for text in texts(stretch, block_bytes):
        pending += text
        if len(pending) < least:
            continue
        parsed = parse(Lines.of_block(pending, stretch.file.index, offset), scale)
        cut = _start_of_last_user(parsed)
        # One user, or none, so far: parse again when there is twice as much.
        least = 0 if cut else 2 * len(pending)
        if cut:
            yield parsed.cut(cut)[0], False
            done = int(parsed.lines.starts[cut])
            pending, offset = pending[done:], offset + done
    yield parse(Lines.of_block(pending, stretch.file.index, offset), scale), True


def _start_of_last_user(parsed: Parsed) -> int:
    """The line at which the last user's rows begin, 0 where there is no other user."""
    user = parsed.rows.user
    others = np.flatnonzero(user != user[-1:])
    return int(parsed.rows.line[others[-1] + 1]) if len(others) else 0


def _end_of_users(parsed: Parsed, last: int) -> int:
    """The line at which the users after `last` begin."""
    later = np.flatnonzero(parsed.rows.user > last)
    return int(parsed.rows.line[later[0]]) if len(later) else len(parsed.lines)


def _whole(stretch: Stretch) -> Lines:
    text = b"".join(texts(stretch, BLOCK_BYTES))
    return Lines.of_block(text, stretch.file.index, stretch.start)
