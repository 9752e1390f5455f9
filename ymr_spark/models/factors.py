"""The one form that every linear model of the ladder is kept in and scored from."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]
# How scores become stars: cut off at the bounds, or brought between them by 1 / (1 + e^-score).
Link = Literal["clip", "logistic"]


@dataclass(frozen=True)
class FactorModel:
    """score(u, s) = mean + user_offset[u] + song_offset[s] + user_factors[u] · song_factors[s].

    A prediction is the score brought to `lowest`..`highest` stars by `link`. Ids ascend;
    `user_factors` is (users, rank), `song_factors` (songs, rank), the offsets (users,) and
    (songs,); rank may be 0.
    """

    name: str
    mean: float
    user_ids: Ints
    user_offsets: Floats
    user_factors: Floats
    song_ids: Ints
    song_offsets: Floats
    song_factors: Floats
    lowest: float = 1.0
    highest: float = 5.0
    link: Link = "clip"

    def score(self, user_ids: Ints, song_ids: Ints) -> tuple[Floats, Flags, Flags]:
        """Unbounded scores (n,), and where the user and the song are known.

        What is unknown adds nothing: an unknown song is scored by the mean and the user. The ids
        may be of any shapes that broadcast; the score of a pair does not depend on the shape.
        """
        user, user_known = find(self.user_ids, user_ids)
        song, song_known = find(self.song_ids, song_ids)
        scores = self.mean + np.where(user_known, self.user_offsets[user], 0.0)
        scores = scores + np.where(song_known, self.song_offsets[song], 0.0)
        factors = self.user_factors[user], self.song_factors[song]
        taste = np.einsum("...f,...f->...", *factors, dtype=np.float64)
        return scores + np.where(user_known & song_known, taste, 0.0), user_known, song_known

    def predict(self, user_ids: Ints, song_ids: Ints) -> tuple[Floats, Flags]:
        """Predicted stars (n,), and where both the user and the song are known."""
        scores, user_known, song_known = self.score(user_ids, song_ids)
        stars = to_stars(scores, self.lowest, self.highest, self.link)
        return stars, user_known & song_known

    @property
    def tells_songs_apart(self) -> bool:
        """Whether its songs can be put in any order but that of their ids."""
        return bool(np.ptp(self.song_offsets) or np.ptp(self.song_factors, axis=0).any())


def to_stars(scores: Floats, lowest: float, highest: float, link: Link) -> Floats:
    """Predictions between the bounds, in stars."""
    if link == "clip":
        return np.clip(scores, lowest, highest)
    stars: Floats = lowest + (highest - lowest) * expit(scores)
    return stars


def find(known: Ints, wanted: Ints) -> tuple[Ints, Flags]:
    """Positions of `wanted` in the ascending `known` (0 where absent), and which are there."""
    if len(known) == 0:
        raise ValueError("a model without users or without songs")
    position = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    found = known[position] == wanted
    return np.where(found, position, 0), found
