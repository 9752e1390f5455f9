"""What every fitted model is on the inside: arrays that score pairs, and the tables they go to."""

from typing import Protocol, Self

import numpy as np
import pyarrow as pa

from ymr_spark.models.arrays import Flags, Floats, Ints, Link
from ymr_spark.scale import Scale


class Scorer(Protocol):
    """Scores users and songs whose ids are whole numbers, without Spark or TensorFlow."""

    @property
    def name(self) -> str:
        """Of registry.MODELS."""

    @property
    def mean(self) -> float:
        """Added to every score."""

    @property
    def scale(self) -> Scale:
        """Of the ratings it was fitted to."""

    @property
    def link(self) -> Link:
        """How scores become stars."""

    def predict(self, user_ids: Ints, song_ids: Ints) -> tuple[Floats, Flags]:
        """Predicted stars (n,), and where the model knows enough of the pair."""

    def tables(self) -> dict[str, pa.Table]:
        """By the parts of `forms.Form`."""

    @classmethod
    def of_tables(
        cls, name: str, mean: float, scale: Scale, link: Link, tables: dict[str, pa.Table]
    ) -> Self:
        """What `tables` was asked of."""


def predicted(
    scorer: Scorer, fallback: Scorer | None, users: Ints, songs: Ints
) -> tuple[Floats, Flags]:
    """Stars (pairs,), of the fallback where `scorer` does not know the pair; and where it does."""
    stars, known = scorer.predict(users, songs)
    if fallback is not None:
        stars = np.where(known, stars, fallback.predict(users, songs)[0])
    return stars, known
