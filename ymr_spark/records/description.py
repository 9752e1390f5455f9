"""What there is to tell of the lists of all users together."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """One user: the share of each top genre, the largest first, in what they heard and in what
    they are recommended.
    """

    user_id: int
    heard: dict[str, float]
    recommended: dict[str, float]


@dataclass(frozen=True)
class Description:
    """Lists of songs, in shares of 1; a share of nothing is None.

    Attributes:
        lists: users who have one.
        coverage: share of the candidates that is in any list.
        long_tail_share: of the recommended songs.
        long_tail_ratings: of the train ratings.
        shared: of two users' lists, the mean share in common.
        examples: some users.
    """

    lists: int
    coverage: float | None
    long_tail_share: float | None
    long_tail_ratings: float | None
    shared: float | None
    examples: tuple[Example, ...]
