"""Which paths settings may name: those of a file system, with characters that all can read."""

import re
from pathlib import Path
from typing import Any

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
# Spark takes some for patterns, Petastorm a # for the end, delta-rs decodes %20 and panics at
# others, or cannot write them.
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\\*?\[\]{}|^#]|%[0-9A-Fa-f]{2}")


def local(value: Any) -> Any:
    """A path as the settings have it, with ~ for the home expanded; for pydantic.

    Raises:
        ValueError: it is empty, has blanks around it, is a URL or begins with a variable.
    """
    if not isinstance(value, str | Path):
        return value
    text = str(value)
    if not text.strip() or text.strip() != text:
        raise ValueError("expected a path without blanks around it")
    if _URL.match(text):
        raise ValueError(
            "expected a path of a file system, no URL; mount the store where driver and "
            "executors share it, and give that path"
        )
    if text.startswith("$"):
        raise ValueError("expected a path; variables are not replaced in settings")
    return _expanded(text)


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as e:
        raise ValueError("expected the home of a user that there is") from e


def of_disk(path: Path) -> str:
    """The path for Spark, whatever file system a path without a scheme is of."""
    return f"file://{path.absolute()}"


def require_for_all(key: str, folder: Path) -> None:
    """Raise ValueError where Spark, delta-rs or Petastorm cannot read below the folder."""
    path = str(folder.absolute())
    if found := _UNREADABLE.search(path):
        raise ValueError(
            f"{key}: {path!r} has {found.group()!r}, which Spark, Delta or Petastorm cannot "
            "read; choose or link another path (letters, blanks, - _ . , + = & : and a lone % do)"
        )
