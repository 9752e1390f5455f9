"""User and song ids as people type them: on command lines and in lists, an id or two a line."""

from pathlib import Path

from ymr_spark import text_file

LARGEST = 2**31 - 1  # of the tables' column type
_SHOWN = 40  # characters of what is no id


def parse(word: str) -> int:
    """The id; raises ValueError where it is none."""
    digits = word.lstrip("0") if word.isdecimal() else ""
    # Python reads no numbers of thousands of digits.
    value = int(digits or "0") if len(digits) <= len(str(LARGEST)) else LARGEST + 1
    if not word.isdecimal() or value > LARGEST:
        found = word if len(word) <= _SHOWN else f"{word[:_SHOWN]}…"
        raise ValueError(f"expected a whole number from 0 to {LARGEST}, found {found!r}")
    return value


def lines(path: Path, way_out: str) -> list[list[str]]:
    """The words of each line of a text file; arguments and errors are those of `text_file.read`."""
    return [line.split() for line in text_file.read(path, way_out).splitlines()]
