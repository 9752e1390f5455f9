"""Digests of files as they lie on the disk."""

import hashlib
from collections.abc import Mapping
from typing import Any

from ymr_spark.store.locations import Location, Stamp, below


def state_of(folder: Location, files: Mapping[Location, Stamp]) -> str | None:
    """A digest of names, sizes and what changes with the content, as make would look at them.

    A folder that moves keeps it.

    Args:
        files: those below the folder that count.
    """
    found: Any = sorted(files.items())
    stats = [(str(below(folder, path)), *stamp) for path, stamp in found]
    return digest(repr(stats).encode()) if stats else None


def digest(content: bytes) -> str:
    """64 bits of it, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:16]
