"""Numbers of users and songs as people type them."""

LARGEST = 2**31 - 1  # of the tables' column type
_SHOWN = 40  # characters of what is no id


def parse(word: str) -> int:
    """The number; raises ValueError where it is none."""
    digits = word.lstrip("0") if word.isdecimal() else ""
    # Python reads no numbers of thousands of digits.
    value = int(digits or "0") if len(digits) <= len(str(LARGEST)) else LARGEST + 1
    if not word.isdecimal() or value > LARGEST:
        raise ValueError(f"expected a whole number from 0 to {LARGEST}, found {shown(word)}")
    return value


def shown(word: str) -> str:
    """What is no id, for a message: quoted, and not longer than that takes."""
    return repr(word if len(word) <= _SHOWN else f"{word[:_SHOWN]}…")
