"""Songs put in order by the songs that a user has rated, with a weight for each pair of songs."""

import io
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from ymr_spark.models.arrays import Flags, Floats, Ints, Link, as_lists, find, of_lists
from ymr_spark.models.ranker import ArtistCap, as_batch, ordered
from ymr_spark.packing import Block
from ymr_spark.scale import Scale

# Users times songs that are held at once.
_CELLS = 1 << 20
_PAIRS_AT_ONCE = 1_024


@dataclass(frozen=True)
class ItemWeights:
    """score(u, s) = Σ_{j rated by u} weights[j, s] - less[s]; ids ascend.

    Attributes:
        input_ids: (inputs,), the songs that tell something of a user.
        song_ids: (songs,), those to choose from.
        weights: (inputs, songs).
        less: (songs,).
    """

    searched_by: ClassVar[str] = "ymr_spark.models.neighbors.item_weights:ItemSearch"
    mean: ClassVar[float] = 0.0
    link: ClassVar[Link] = "chance"

    name: str
    input_ids: Ints
    song_ids: Ints
    weights: Floats
    less: Floats
    scale: Scale

    @property
    def ranker(self) -> Self:
        """What puts its songs in order: itself."""
        return self

    @property
    def rating(self) -> None:
        """What puts them in order by stars: nothing."""

    @property
    def is_finite(self) -> bool:
        """Whether all weights are finite numbers."""
        return bool(np.isfinite(self.weights).all() and np.isfinite(self.less).all())

    @property
    def tells_songs_apart(self) -> bool:
        """Whether any two songs have unlike weights."""
        return bool(np.ptp(self.weights, axis=1).any() or np.ptp(self.less))

    def scores_of(self, user_id: int, heard: Ints) -> Floats:
        """Scores (songs,) for a user who has rated these songs."""
        position, known = find(self.input_ids, np.sort(heard))
        found: Floats = self.weights[position[known]].sum(axis=0, dtype=np.float64) - self.less
        return found

    def predict(self, user_ids: Ints, song_ids: Ints) -> tuple[Floats, Flags]:
        """Nothing: what users have rated is not in the arrays, see `scores`."""
        return np.zeros(len(user_ids)), np.zeros(len(user_ids), bool)

    def restricted(self, chosen: Flags, less: Floats) -> Self:
        """The same with the chosen (songs,) of its songs only, `less` (chosen songs,) off their
        scores."""
        return type(self)(
            self.name,
            self.input_ids,
            self.song_ids[chosen],
            self.weights[:, chosen],
            self.less[chosen] + less,
            self.scale,
        )

    def tables(self) -> dict[str, pa.Table]:
        """A row for each input: its id and its weights, by the songs of the ascending ids."""
        assert np.array_equal(self.input_ids, self.song_ids)
        ids = pa.array(self.input_ids, pa.int32())
        return {"weights": pa.table({"song_id": ids, "weights": as_lists(self.weights)})}

    @classmethod
    def of_tables(
        cls, name: str, mean: float, scale: Scale, link: Link, tables: dict[str, pa.Table]
    ) -> Self:
        """The model whose tables these are."""
        table = tables["weights"].sort_by("song_id")
        ids, weights = table.column("song_id").to_numpy(), of_lists(table.column("weights"))
        return cls(name, ids, ids, weights, np.zeros(len(ids)), scale)

    def as_npz(self) -> bytes:
        """All of it in one file, the same bytes for the same model."""
        file = io.BytesIO()
        scale = [*vars(self.scale).values()]
        np.savez(file, name=self.name, ids=self.song_ids, weights=self.weights, scale=scale)
        return file.getvalue()

    @classmethod
    def of_npz(cls, content: bytes) -> Self:
        """The model whose file this is."""
        with np.load(io.BytesIO(content)) as found:
            ids, scale = found["ids"], Scale(*found["scale"].tolist())
            name, none = found["name"].item(), np.zeros(len(ids))
            return cls(name, ids, ids, found["weights"], none, scale)


class ItemSearch:
    """The search for the top `k` of all songs of a model of weights, by scoring them all."""

    def __init__(self, model: ItemWeights, cap: ArtistCap | None, k: int) -> None:
        self._model, self._cap = model, cap
        self._k = min(k, len(model.song_ids))
        # Added up in double precision, in the order of the inputs: as `scores_of` does.
        self._weights = model.weights.astype(np.float64)

    @property
    def users_at_once(self) -> int:
        """As many as keep the memory of `of` within bounds."""
        return max(1, _CELLS // len(self._model.song_ids))

    def of(self, block: Block, users: slice) -> pa.RecordBatch:
        """(user_id, rank, song_id, score) rows of these users of a block of `packing.by_user`."""
        model = self._model
        ids, counts = block.owners[users], block.counts[users]
        first = block.starts[users][0]
        songs = block.others[first : first + counts.sum()]
        scores = _chosen(model.input_ids, songs, counts) @ self._weights - model.less
        heard = _chosen(model.song_ids, songs, counts)
        scores[np.repeat(np.arange(len(ids)), np.diff(heard.indptr)), heard.indices] = -np.inf
        found, values = self._top(scores)
        return as_batch(ids, model.song_ids[found], values)

    def _top(self, scores: Floats) -> tuple[Ints, Floats]:
        if self._cap is None:
            best = np.argsort(-scores, axis=1, kind="stable")[:, : self._k]
            return best, np.take_along_axis(scores, best, axis=1)
        everything = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
        songs, values = ordered(everything, scores, self._cap)
        return songs[:, : self._k], values[:, : self._k]


def scores(
    model: ItemWeights, users: Ints, songs: Ints, rated_by: Ints, rated: Ints
) -> tuple[Floats, Flags]:
    """Scores (pairs,) of users and songs, 0 where the model does not know the song or nothing that
    the user has rated; and where it knows both.

    Args:
        rated_by, rated: (ratings,) users and songs of all ratings of these users.
    """
    order = np.lexsort((rated, rated_by))
    raters, counts = np.unique(rated_by, return_counts=True)
    if not len(raters):
        return np.zeros(len(users)), np.zeros(len(users), bool)
    heard = _chosen(model.input_ids, rated[order], counts)
    user, user_known = find(raters, users)
    song, song_known = find(model.song_ids, songs)
    known = user_known & song_known & (np.diff(heard.indptr)[user] > 0)
    found = np.zeros(len(users))
    for first in range(0, len(users), _PAIRS_AT_ONCE):
        some = np.flatnonzero(known[first : first + _PAIRS_AT_ONCE]) + first
        products = heard[user[some]].multiply(model.weights[:, song[some]].T)
        found[some] = np.asarray(products.sum(axis=1)).ravel() - model.less[song[some]]
    return found, known


def _chosen(known: Ints, songs: Ints, counts: Ints) -> csr_matrix:
    """(users, known) ones where a user has rated a song, `counts` of the `songs` each."""
    position, found = find(known, songs)
    user = np.repeat(np.arange(len(counts)), counts)[found]
    shape = len(counts), len(known)
    return csr_matrix((np.ones(len(user)), (user, position[found])), shape=shape)
