"""Digests of files as they lie on the disk."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ymr_spark.store.locations import Location, Stamp, below

_READ_BYTES = 2**20


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


def sha256(file: Location) -> str:
    """That of the content of a file, in hexadecimal; its bytes are never all in memory."""
    if isinstance(file, Path):
        with file.open("rb") as on_disk:
            return hashlib.file_digest(on_disk, "sha256").hexdigest()
    found = hashlib.sha256()
    with file.open() as stored:
        while read := stored.read(_READ_BYTES):
            found.update(read)
    return found.hexdigest()
