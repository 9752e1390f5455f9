"""A fitted two-tower model with dense layers on top, scored without TensorFlow."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa

from ymr_spark.models.arrays import (
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

# Rows whose hidden layers are held at once: at a width of 256 that is 64 MB.
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class MlpModel:
    """score(u, s) = mean + layers([user_embeddings[u], song_embeddings[s]]), ReLU in between.

    A prediction is the score brought to the ends of `scale` by `link`. Ids ascend; the
    embeddings are (ids, dimension); each layer is a kernel (inputs, outputs) and a bias
    (outputs,), the last one of one output.
    """

    name: str
    mean: float
    user_ids: Ints
    user_embeddings: Floats
    song_ids: Ints
    song_embeddings: Floats
    layers: tuple[tuple[Floats, Floats], ...]
    scale: Scale
    link: Link = "clip"

    def predict(self, user_ids: Ints, song_ids: Ints) -> tuple[Floats, Flags]:
        """Predicted stars (n,), and where both the user and the song are known.

        Without an embedding there is nothing to go by: such rows get the mean.
        """
        user, user_known = find(self.user_ids, user_ids)
        song, song_known = find(self.song_ids, song_ids)
        known = user_known & song_known
        scores = np.full(len(known), self.mean)
        rows = np.flatnonzero(known)
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            chunk = rows[first : first + _ROWS_AT_ONCE]
            scores[chunk] += self._forward(user[chunk], song[chunk])
        return to_stars(scores, self.scale, self.link), known

    def _forward(self, user: Ints, song: Ints) -> Floats:
        values = np.concatenate([self.user_embeddings[user], self.song_embeddings[song]], axis=1)
        for kernel, bias in self.layers[:-1]:
            values = np.maximum(values @ kernel + bias, 0)
        kernel, bias = self.layers[-1]
        result: Floats = (values @ kernel + bias)[:, 0]
        return result

    def only(self, user_ids: Ints, song_ids: Ints) -> Self:
        """The same model, that knows no other users and songs than these."""
        users, songs = np.isin(self.user_ids, user_ids), np.isin(self.song_ids, song_ids)
        return replace(
            self,
            user_ids=self.user_ids[users],
            user_embeddings=self.user_embeddings[users],
            song_ids=self.song_ids[songs],
            song_embeddings=self.song_embeddings[songs],
        )

    def tables(self) -> dict[str, pa.Table]:
        """Of users and of songs: id, embedding; of layers, from 1: kernel, bias."""
        users, songs = (
            pa.table({key: pa.array(ids, pa.int32()), "embedding": as_lists(values)})
            for key, ids, values in (
                ("user_id", self.user_ids, self.user_embeddings),
                ("song_id", self.song_ids, self.song_embeddings),
            )
        )
        layers = [
            {"layer": number, "kernel": kernel.ravel(), "bias": bias}
            for number, (kernel, bias) in enumerate(self.layers, start=1)
        ]
        return {"users": users, "songs": songs, "layers": pa.Table.from_pylist(layers)}

    @classmethod
    def of_tables(
        cls, name: str, mean: float, scale: Scale, link: Link, tables: dict[str, pa.Table]
    ) -> Self:
        """The model whose tables these are."""
        sides = (*_arrays(tables["users"]), *_arrays(tables["songs"]))
        rows = tables["layers"].sort_by("layer").to_pylist()
        layers = tuple(_layer(row["kernel"], row["bias"]) for row in rows)
        return cls(name, mean, *sides, layers, scale, link)


def _arrays(table: pa.Table) -> tuple[Ints, Floats]:
    table = table.sort_by(table.column_names[0])
    return table.column(0).to_numpy(), of_lists(table.column("embedding"))


def _layer(kernel: list[float], bias: list[float]) -> tuple[Floats, Floats]:
    return np.array(kernel, np.float32).reshape(-1, len(bias)), np.array(bias, np.float32)
