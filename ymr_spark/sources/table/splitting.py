"""Which rows of whole users are train, validation and test."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ymr_spark.split import Ids, latest_rows, runs, validation_rows, wanted_rows

TRAIN, VALIDATION, TEST = range(3)  # of SPLITS


@dataclass(frozen=True)
class SplitRule:
    """How rows are held out, the same way for test and, of what is left, for validation.

    Attributes:
        by: as the table says; or by a seeded hash; or the latest.
        test_ratings, validation_ratings: of a user, at most.
        test_share, validation_share: of a user's rows, at most, but one of any two.
        test_from: with `time`: rows of this time and later are test, of whatever user.
    """

    by: Literal["files", "hash", "time"]
    test_ratings: int
    test_share: float
    test_from: int | None
    validation_ratings: int
    validation_share: float
    seed: int

    def splits(
        self, user: Ids, song: Ids, time: Ids, test: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int8]:
        """The split of each row, (rows,).

        Args:
            user, song: (rows,) all rows of a user next to each other.
            time: (rows,) any numbers where the rule is not by time.
            test: (rows,) what the table says, where the rule is `files`.
        """
        held_out = test
        if self.test_from is not None:
            held_out = time >= self.test_from
        elif self.by != "files":
            # Validation is chosen by the same hash: another seed gives another choice.
            rule = self.test_ratings, self.test_share, self.seed + 1
            held_out = self._chosen(user, song, time, *rule)
        found = np.where(held_out, TEST, TRAIN).astype(np.int8)
        left = np.flatnonzero(~held_out)
        rule = self.validation_ratings, self.validation_share, self.seed
        chosen = self._chosen(user[left], song[left], time[left], *rule)
        found[left[chosen]] = VALIDATION
        return found

    def counts(self, user: Ids, time: Ids, test: npt.NDArray[np.bool_]) -> list[int]:
        """How many rows of each split `splits` gives, without choosing them."""
        rows, run = runs(user)
        if self.by == "files" or self.test_from is not None:
            held_out = test if self.test_from is None else time >= self.test_from
            of_test: Ids = np.bincount(run[held_out], minlength=len(rows))
        else:
            of_test = wanted_rows(rows, self.test_ratings, self.test_share)
        left = rows - of_test
        of_validation = wanted_rows(left, self.validation_ratings, self.validation_share)
        sums = (left - of_validation, of_validation, of_test)
        return [int(values.sum()) for values in sums]

    def _chosen(
        self, user: Ids, song: Ids, time: Ids, most: int, share: float, seed: int
    ) -> npt.NDArray[np.bool_]:
        if self.by == "time":
            return latest_rows(user, song, time, most, share, seed)
        return validation_rows(user, song, most, share, seed)
