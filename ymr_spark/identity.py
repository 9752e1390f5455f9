"""What tells some ratings from others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """How many rows there are, and their content hash: equal ones are of the same rows.

    The hash is the two sums of `ratings.identity_sums`, 16 hexadecimal digits each.
    """

    rows: int
    hash: str

    @classmethod
    def of_halves(cls, rows: int, high: int, low: int) -> "Identity":
        """That of rows with these sums."""
        return cls(rows, f"{high:016x}{low:016x}")

    def __str__(self) -> str:
        return f"{self.rows} rows of hash {self.hash}"

    def __add__(self, other: "Identity") -> "Identity":
        """That of the rows of both, none of which is in the other."""
        mine, its = (divmod(int(one.hash, 16), 1 << 64) for one in (self, other))
        return Identity.of_halves(self.rows + other.rows, mine[0] + its[0], mine[1] + its[1])


def of_all(parts: Iterable[Mapping[str, Identity]]) -> dict[str, Identity]:
    """By split, that of the rows of all parts, none of which is in another."""
    found: dict[str, Identity] = {}
    for part in parts:
        for split, rows in part.items():
            found[split] = found[split] + rows if split in found else rows
    return found
