"""How much is planted, in all parts of R2's layout."""

from dataclasses import dataclass
from typing import Final

from ymr_spark.sources.planted import sampling

PARTS: Final = 10
LAST_PART_SHARE: Final = 23_179 / 200_000  # R2's last file has the users that are left


@dataclass(frozen=True)
class Size:
    """How much is planted; the counts are those of a full part."""

    users: int
    songs: int
    train_ratings: int
    parts: int
    cold_song_share: float

    def of_part(self, part: int) -> tuple[int, int]:
        """Users and train rows of a part: the last of all ten is a short one."""
        if part < PARTS - 1:
            return self.users, self.train_ratings
        users = max(1, round(self.users * LAST_PART_SHARE))
        return users, round(self.train_ratings * users / self.users)

    @property
    def rows(self) -> int:
        """Of all train and test files."""
        each = [self.of_part(part) for part in range(self.parts)]
        return sum(ratings + sampling.TEST_ROWS * users for users, ratings in each)
