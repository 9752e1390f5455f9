"""The one form that every linear model is kept in and scored from."""

import io
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from ymr_spark.models.arrays import (
    CHANCES,
    Flags,
    Floats,
    Ints,
    Link,
    as_lists,
    find,
    of_lists,
    to_stars,
)
from ymr_spark.scale import Scale


@dataclass(frozen=True)
class FactorModel:
    """score(u, s) = mean + user_offset[u] + song_offset[s] + user_factors[u] · song_factors[s].

    A prediction is the score brought to the ends of `scale` by `link`; where that
    is a chance, see `arrays.Link`, it is the score. Ids ascend;
    `user_factors` is (users, rank), `song_factors` (songs, rank), the offsets (users,) and
    (songs,); rank may be 0.
    """

    searched_by: ClassVar[str] = "ymr_spark.models.linear.ranking:Ranking"

    name: str
    mean: float
    user_ids: Ints
    user_offsets: Floats
    user_factors: Floats
    song_ids: Ints
    song_offsets: Floats
    song_factors: Floats
    scale: Scale
    link: Link = "clip"

    @classmethod
    def of_offsets(
        cls,
        name: str,
        mean: float,
        users: tuple[Ints, Floats],
        songs: tuple[Ints, Floats],
        scale: Scale,
        link: Link = "clip",
    ) -> Self:
        """The model of rank 0 with these (ids, offsets)."""
        none = (np.empty((len(ids), 0), np.float32) for ids, _ in (users, songs))
        return cls(name, mean, *users, next(none), *songs, next(none), scale, link)

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

    def score_at(self, users: Ints, songs: Ints) -> Floats:
        """The same scores (n,) of known users and songs, by their positions in the ids."""
        scores = self.mean + self.user_offsets[users] + self.song_offsets[songs]
        factors = self.user_factors[users], self.song_factors[songs]
        taste: Floats = np.einsum("...f,...f->...", *factors, dtype=np.float64)
        return scores + taste

    def predict(self, user_ids: Ints, song_ids: Ints) -> tuple[Floats, Flags]:
        """Predicted stars (n,), and where both the user and the song are known."""
        scores, user_known, song_known = self.score(user_ids, song_ids)
        stars = to_stars(scores, self.scale, self.link)
        return stars, user_known & song_known

    @property
    def tells_songs_apart(self) -> bool:
        """Whether its songs can be put in any order but that of their ids."""
        return bool(np.ptp(self.song_offsets) or np.ptp(self.song_factors, axis=0).any())

    @property
    def ranker(self) -> Self:
        """What puts its songs in order: itself."""
        return self

    @property
    def rating(self) -> Self | None:
        """What puts them in order by stars: itself, where it predicts any."""
        return None if self.link in CHANCES else self

    @property
    def is_finite(self) -> bool:
        """Whether all offsets and factors are finite numbers."""
        offsets = self.mean, self.user_offsets, self.song_offsets
        return all(
            bool(np.isfinite(numbers).all())
            for numbers in (*offsets, self.user_factors, self.song_factors)
        )

    def scores_of(self, user_id: int, heard: Ints) -> Floats:
        """Unbounded scores (songs,) of all its songs for one user, whatever the user has heard."""
        return self.score(np.full(len(self.song_ids), user_id), self.song_ids)[0]

    def restricted(self, chosen: Flags, less: Floats) -> Self:
        """The same with the chosen (songs,) of its songs only, `less` (chosen songs,) off their
        scores."""
        return replace(
            self,
            song_ids=self.song_ids[chosen],
            song_offsets=self.song_offsets[chosen] - less,
            song_factors=self.song_factors[chosen],
        )

    def only(self, user_ids: Ints, song_ids: Ints) -> Self:
        """The same model, that knows no other users and songs than these."""
        users, songs = np.isin(self.user_ids, user_ids), np.isin(self.song_ids, song_ids)
        return replace(
            self,
            user_ids=self.user_ids[users],
            user_offsets=self.user_offsets[users],
            user_factors=self.user_factors[users],
            song_ids=self.song_ids[songs],
            song_offsets=self.song_offsets[songs],
            song_factors=self.song_factors[songs],
        )

    def tables(self) -> dict[str, pa.Table]:
        """Of users and of songs: id, offset, factors."""
        return {
            "users": _table("user_id", self.user_ids, self.user_offsets, self.user_factors),
            "songs": _table("song_id", self.song_ids, self.song_offsets, self.song_factors),
        }

    @classmethod
    def of_tables(
        cls, name: str, mean: float, scale: Scale, link: Link, tables: dict[str, pa.Table]
    ) -> Self:
        """The model whose tables these are."""
        sides = (*_arrays(tables["users"]), *_arrays(tables["songs"]))
        return cls(name, mean, *sides, scale, link)

    def as_npz(self) -> bytes:
        """All of it in one file, the same bytes for the same model."""
        file = io.BytesIO()
        np.savez(file, **self.arrays())
        return file.getvalue()

    @classmethod
    def of_npz(cls, content: bytes) -> Self:
        """The model whose file this is."""
        with np.load(io.BytesIO(content)) as arrays:
            return cls.of_arrays({name: arrays[name] for name in arrays.files})

    def arrays(self) -> dict[str, Any]:
        """All that it is made of, by the names of its attributes."""
        return {**vars(self), "scale": [*vars(self.scale).values()]}

    @classmethod
    def of_arrays(cls, found: dict[str, Any]) -> Self:
        """The model that gave these, which have been in a file of numpy's."""
        single = {name: found[name].item() for name in ("name", "mean", "link")}
        return cls(**found | single | {"scale": Scale(*found["scale"].tolist())})


def _table(key: str, ids: Ints, offsets: Floats, factors: Floats) -> pa.Table:
    return pa.table(
        {
            key: pa.array(ids, pa.int32()),
            "offset": pa.array(offsets, pa.float64()),
            "factors": as_lists(factors),
        }
    )


def _arrays(table: pa.Table) -> tuple[Ints, Floats, Floats]:
    ids = table.column(0).to_numpy()
    order = np.argsort(ids)
    offsets = table.column("offset").to_numpy()[order]
    return ids[order], offsets, of_lists(table.column("factors"))[order]
