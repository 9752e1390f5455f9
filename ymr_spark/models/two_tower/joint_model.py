"""A fitted model of stars and of listening, with the same users, scored without TensorFlow."""

import io
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa

from ymr_spark.models.arrays import Flags, Floats, Ints, Link
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.scale import Scale


@dataclass(frozen=True)
class JointModel:
    """Two scores of a user and a song: `rating`, and `ranker`, the logarithm of the chance that
    the user listens to it, but for a summand of the user's."""

    rating: FactorModel
    ranker: FactorModel

    @property
    def name(self) -> str:
        """Of registry.MODELS."""
        return self.rating.name

    @property
    def mean(self) -> float:
        """Added to every score of a rating."""
        return self.rating.mean

    @property
    def scale(self) -> Scale:
        """Of the ratings."""
        return self.rating.scale

    @property
    def link(self) -> Link:
        """How scores of ratings become stars."""
        return self.rating.link

    def predict(self, user_ids: Ints, song_ids: Ints) -> tuple[Floats, Flags]:
        """Predicted stars (n,), and where both the user and the song are known."""
        return self.rating.predict(user_ids, song_ids)

    def only(self, user_ids: Ints, song_ids: Ints) -> Self:
        """The same model, that knows no other users and songs than these."""
        parts = (part.only(user_ids, song_ids) for part in (self.rating, self.ranker))
        return type(self)(*parts)

    def tables(self) -> dict[str, pa.Table]:
        """Of users and of songs: id, offset, factors; of songs' listening likewise."""
        rating, listening = self.rating.tables(), self.ranker.tables()
        return {**rating, "listening": listening["songs"]}

    @classmethod
    def of_tables(
        cls, name: str, mean: float, scale: Scale, link: Link, tables: dict[str, pa.Table]
    ) -> Self:
        """The model whose tables these are."""
        rating = FactorModel.of_tables(name, mean, scale, link, tables)
        songs = {"users": tables["users"], "songs": tables["listening"]}
        ranker = FactorModel.of_tables(name, 0.0, scale, "log_chance", songs)
        return cls(rating, replace(ranker, user_offsets=np.zeros(len(ranker.user_ids))))

    def as_npz(self) -> bytes:
        """All of it in one file, the same bytes for the same model."""
        parts = {"rating": self.rating, "ranker": self.ranker}
        file = io.BytesIO()
        np.savez(file, **{f"{p}.{n}": a for p, of in parts.items() for n, a in of.arrays().items()})
        return file.getvalue()

    @classmethod
    def of_npz(cls, content: bytes) -> Self:
        """The model whose file this is."""
        parts: dict[str, dict[str, Any]] = {"rating": {}, "ranker": {}}
        with np.load(io.BytesIO(content)) as arrays:
            for name in arrays.files:
                part, _, attribute = name.partition(".")
                parts[part][attribute] = arrays[name]
        return cls(**{part: FactorModel.of_arrays(found) for part, found in parts.items()})
