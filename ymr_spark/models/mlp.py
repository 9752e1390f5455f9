"""A fitted two-tower model with dense layers on top, scored without TensorFlow."""

from dataclasses import dataclass

import numpy as np

from ymr_spark.models.factors import Flags, Floats, Ints, Link, find, to_stars

# Rows whose hidden layers are held at once: at a width of 256 that is 64 MB.
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class MlpModel:
    """score(u, s) = mean + layers([user_embeddings[u], song_embeddings[s]]), ReLU in between.

    A prediction is the score brought to `lowest`..`highest` stars by `link`. Ids ascend; the
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
    lowest: float = 1.0
    highest: float = 5.0
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
        return to_stars(scores, self.lowest, self.highest, self.link), known

    def _forward(self, user: Ints, song: Ints) -> Floats:
        values = np.concatenate([self.user_embeddings[user], self.song_embeddings[song]], axis=1)
        for kernel, bias in self.layers[:-1]:
            values = np.maximum(values @ kernel + bias, 0)
        kernel, bias = self.layers[-1]
        result: Floats = (values @ kernel + bias)[:, 0]
        return result
