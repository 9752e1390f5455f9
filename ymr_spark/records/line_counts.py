"""What became of the lines of a raw file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LineCounts:
    """lines = kept + the sum of quarantined, which is by reason."""

    lines: int
    kept: int
    quarantined: dict[str, int]
