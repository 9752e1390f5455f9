"""The search of one task for the best songs of the users of its blocks.

A kernel takes the songs of the highest scores in single precision; those are scored again in
double precision. With n = rank + 1 terms and the unit roundoff u = 2^-24, the sum of products
that the kernel adds up, in whatever order, is off by less than

    n u / (1 - n u) · Σ |a_f| |b_f|   <=   n u / (1 - n u) · |a| |b|

(Higham 2002, section 3.1), with two u more for inputs that were rounded. So a list is exact once
its last score lies further than that above the last one that the kernel fetched; until then more
songs are fetched, at last all of them.
"""

import numpy as np
import pyarrow as pa
from implicit.cpu.topk import topk
from scipy.sparse import csr_matrix

from ymr_spark.models.arrays import Flags, Floats, Ints, find
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.ranker import ArtistCap, as_batch, ordered
from ymr_spark.packing import Block

_SINGLE, _DOUBLE = np.finfo(np.float32), np.finfo(np.float64)
# The kernel marks songs that it leaves out by the lowest number there is.
_UNUSED = _SINGLE.min / 2
# Fetched beyond K at first, and the factor by which more are fetched.
_SPARE, _GROWTH = 16, 8
_USERS_AT_ONCE = 512
# Users times songs that are held at once.
_CELLS = 1 << 18


class Ranking:
    """The search for the top `k` of all songs of `model`."""

    def __init__(self, model: FactorModel, cap: ArtistCap | None, k: int) -> None:
        self._model, self._cap = model, cap
        self._k = min(k, len(model.song_ids))
        # A dot product with (factors, 1) adds the song's offset.
        columns = np.c_[model.song_factors, model.song_offsets].astype(np.float64)
        self._longest = float(np.linalg.norm(columns, axis=1).max())
        with np.errstate(over="ignore"):
            self._songs = np.ascontiguousarray(columns, np.float32)
        tastes = np.linalg.norm(model.user_factors.astype(np.float64), axis=1)
        largest = (1 + tastes.max(initial=0)) * (1 + self._longest)
        # Out of the range of single precision the kernel is of no use.
        fits = largest < -_UNUSED
        self._first = min(self._k + _SPARE, len(self._songs)) if fits else len(self._songs)

    @property
    def users_at_once(self) -> int:
        """As many as keep the memory of `of` within bounds."""
        return max(1, min(_USERS_AT_ONCE, _CELLS // self._k))

    def of(self, block: Block, users: slice) -> pa.RecordBatch:
        """(user_id, rank, song_id, score) rows of these users of a block of `packing.by_user`."""
        ids, counts = block.owners[users], block.counts[users]
        first = block.starts[users][0]
        heard = self._heard(block.others[first : first + counts.sum()], counts)
        songs = np.zeros((len(ids), self._k), np.intp)
        scores = np.full((len(ids), self._k), -np.inf)
        proven = np.zeros(len(ids), bool)
        fetched = self._first
        while not proven.all():
            at_once = max(1, _CELLS // fetched)
            waiting = np.flatnonzero(~proven)
            for part in np.split(waiting, range(at_once, len(waiting), at_once)):
                songs[part], scores[part], proven[part] = self._top(ids[part], heard[part], fetched)
            fetched = min(fetched * _GROWTH, len(self._songs))
        return as_batch(ids, self._model.song_ids[songs], scores)

    def _top(self, ids: Ints, heard: csr_matrix, count: int) -> tuple[Ints, Floats, Flags]:
        """Positions and scores (users, k) of the best of `count` songs of each user, the best
        first, -inf where there is none; and which users' are the best of all songs."""
        songs, allowed, rest = self._candidates(ids, heard, count)
        scores, *_ = self._model.score(ids[:, None], self._model.song_ids[songs])
        scores[~allowed] = -np.inf
        songs, scores = ordered(songs, scores, self._cap)
        proven = np.isneginf(rest) | (scores[:, self._k - 1] > rest)
        return songs[:, : self._k], scores[:, : self._k], proven

    def _candidates(self, ids: Ints, heard: csr_matrix, count: int) -> tuple[Ints, Flags, Floats]:
        """Positions of songs and which of them are unheard, (users, count) each; and what no
        score of the other unheard songs exceeds, (users,), -inf where there are none."""
        if count == len(self._songs):
            every = np.broadcast_to(np.arange(count), (len(ids), count))
            return every, heard.toarray() == 0, np.full(len(ids), -np.inf)
        model = self._model
        user, known = find(model.user_ids, ids)
        factors = np.where(known[:, None], model.user_factors[user], 0)
        queries = np.c_[factors, np.ones(len(ids))].astype(np.float64)
        single = queries.astype(np.float32)
        songs, kernel = topk(self._songs, single, count, filter_query_items=heard, num_threads=1)
        allowed = kernel > _UNUSED
        base, *_ = model.score(ids, np.array([-1]))  # no song adds to it
        norms = np.linalg.norm(queries, axis=1)
        rest = base + kernel[:, -1] + self._slack(norms, np.abs(base))
        return songs, allowed, np.where(allowed[:, -1], rest, -np.inf)

    def _slack(self, norms: Floats, base: Floats) -> Floats:
        """The most by which a score can exceed its base and the kernel's score, (users,)."""
        terms = float(self._songs.shape[1] + 4)
        # The eps of NumPy is twice the unit roundoff, which makes up for the denominator.
        slack: Floats = terms * (
            _SINGLE.eps * norms * self._longest + _SINGLE.tiny + _DOUBLE.eps * base
        )
        return slack

    def _heard(self, songs: Ints, counts: Ints) -> csr_matrix:
        position, known = find(self._model.song_ids, songs)
        user = np.repeat(np.arange(len(counts)), counts)[known]
        shape = (len(counts), len(self._songs))
        return csr_matrix((np.ones(len(user), np.float32), (user, position[known])), shape=shape)
