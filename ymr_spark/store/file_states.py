"""Digests of files as they lie on the disk."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def state_of(folder: Path, paths: Iterable[Path]) -> str | None:
    """A digest of names, sizes and modification times, as make would look at them.

    A folder that moves keeps it.
    """
    stats = [(p.relative_to(folder), p.stat()) for p in sorted(paths) if p.is_file()]
    if not stats:
        return None
    return digest(repr([(str(p), s.st_size, s.st_mtime_ns) for p, s in stats]).encode())


def digest(content: bytes) -> str:
    """64 bits of it, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:16]
