"""Users whose rows are not taken, and whose ids are in no text that is kept of other lines."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ymr_spark import text_file
from ymr_spark.store.locations import Location

_BETWEEN = re.compile(r"[\s,;|:\"'\[\]{}\0]+")


@dataclass(frozen=True)
class Forgotten:
    """Their own ids, as the raw ratings have them."""

    ids: frozenset[str] = frozenset()

    @classmethod
    def of_file(cls, path: Location) -> "Forgotten":
        """Of an id a line, blanks within it and all; blank lines are none.

        Raises:
            SettingsError: the file cannot be read.
        """
        lines = text_file.read(path, "raw.forgotten takes a file of users' ids").splitlines()
        return cls(frozenset(line for line in lines if line.strip()))

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Those that are whole numbers."""
        return frozenset(int(own) for own in self.ids if own.isdecimal())

    def kept(self, raw: str) -> str:
        """The text of a line that is put into quarantine; nothing where one of them is named."""
        return "" if self._names(_BETWEEN.split(raw), raw) else raw

    def _names(self, words: Iterable[str], raw: str) -> bool:
        if not self.ids:
            return False
        named = (w in self.ids or (w.isdecimal() and int(w) in self.numbers) for w in words)
        return any(named) or any(own in raw for own in self._of_several_words)

    @cached_property
    def _of_several_words(self) -> frozenset[str]:
        return frozenset(own for own in self.ids if _BETWEEN.search(own))


NOBODY = Forgotten()
