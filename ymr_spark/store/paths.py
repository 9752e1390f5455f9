"""Which places settings may name: paths and URIs, of characters that all can read."""

import re
from pathlib import Path
from typing import Any

from ymr_spark.store import locations
from ymr_spark.store.locations import Location
from ymr_spark.store.remote import Remote

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
# Spark takes some for patterns, Petastorm a # for the end, delta-rs decodes %20 and panics at
# others, or cannot write them.
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\\*?\[\]{}|^#]|%[0-9A-Fa-f]{2}")
_UNLIKE_IN_URLS = re.compile(r"[^A-Za-z0-9/._,+=&~-]")


def location(value: Any) -> Location:
    """A path or a URI as the settings have it, with ~ for the home expanded; for pydantic.

    Raises:
        ValueError: it is empty, has blanks around it, begins with a variable, or is a URI of a
            store that is not known.
    """
    if isinstance(value, Remote):
        return value
    if isinstance(value, str) and (scheme := _URL.match(value.strip())):
        if "://" not in value:
            raise ValueError(f"expected {scheme.group()}//{value.strip()[scheme.end() :]}")
        return locations.of(_plain(value))
    found = local(value)
    if not isinstance(found, Path):
        raise ValueError("expected a path or a URI")
    return found


def local(value: Any) -> Any:
    """A path as the settings have it, with ~ for the home expanded; for pydantic.

    Raises:
        ValueError: it is empty, has blanks around it, is a URL or begins with a variable.
    """
    if not isinstance(value, str | Path):
        return value
    text = _plain(str(value))
    if _URL.match(text):
        raise ValueError("expected a path on a disk of this machine, no URL")
    return _expanded(text)


def _plain(text: str) -> str:
    if not text.strip() or text.strip() != text:
        raise ValueError("expected a path without blanks around it")
    if text.startswith("$"):
        raise ValueError("expected a path; variables are not replaced in settings")
    return text


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as e:
        raise ValueError("expected the home of a user that there is") from e


def require_for_tables(key: str, folder: Location) -> None:
    """Raise ValueError where delta-rs would commit to another folder than this one: on HDFS it
    takes names as URLs have them for the names themselves."""
    if not isinstance(folder, Remote) or folder.scheme != "hdfs":
        return
    if found := _UNLIKE_IN_URLS.search(folder.key):
        raise ValueError(
            f"{key}: {str(folder)!r} has {found.group()!r}, which Delta on HDFS takes for "
            "another name; choose one of letters, digits and - _ . , + = &"
        )


def require_for_all(key: str, folder: Location) -> None:
    """Raise ValueError where Spark, delta-rs or Petastorm cannot read below the folder."""
    path = str(folder.absolute())
    if found := _UNREADABLE.search(path):
        raise ValueError(
            f"{key}: {path!r} has {found.group()!r}, which Spark, Delta or Petastorm cannot "
            "read; choose or link another path (letters, blanks, - _ . , + = & : and a lone % do)"
        )
