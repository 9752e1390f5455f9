"""The exact top K songs that a user has not rated, by a factor model, over all its songs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from implicit.cpu.topk import topk
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from ymr_spark.models.blocks import UserBlock, unpack
from ymr_spark.models.factors import FactorModel, Floats, Ints, find

_SCHEMA = "user_id int, rank int, song_id int, score double"
# Fetched beyond K, so that equal scores at the edge can be put in order of song id.
_SPARE = 16
_USERS_AT_ONCE = 512


@dataclass(frozen=True)
class ArtistCap:
    """At most `songs` of one artist in a list."""

    artist_ids: Ints  # (songs of the model,), aligned with its song_ids
    songs: int


def recommend(
    heard: DataFrame, model: FactorModel, k: int, cap: ArtistCap | None = None
) -> DataFrame:
    """One row per (user_id, rank): user_id, rank from 1, song_id, score in unbounded stars.

    Args:
        heard: `blocks.user_blocks` of all that the users have rated; these songs are left out.
        model: whose songs are the ones to choose from.
        k: songs a user; fewer where there are no more to choose from.
        cap: passes over the songs of an artist who has enough better ones in the list.

    Equal scores are ranked by song id.
    """
    shared = heard.sparkSession.sparkContext.broadcast((model, cap))

    def rank(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        ranking = _Ranking(*shared.value, k)
        for block in unpack(batches):
            for first in range(0, len(block.users), _USERS_AT_ONCE):
                yield ranking.of(block, slice(first, first + _USERS_AT_ONCE))

    return heard.mapInArrow(rank, _SCHEMA)


def for_strangers(
    spark: SparkSession,
    user_ids: Sequence[int],
    model: FactorModel,
    k: int,
    cap: ArtistCap | None = None,
) -> DataFrame:
    """As `recommend`, for users whom nothing is known of: all get the same list."""
    songs, scores = brute_force(model, -1, np.array([], np.int32), k, cap)
    users = np.array(user_ids, np.int32)
    return spark.createDataFrame(
        pa.table(
            {
                "user_id": pa.array(np.repeat(users, len(songs)), pa.int32()),
                "rank": pa.array(np.tile(np.arange(1, len(songs) + 1), len(users)), pa.int32()),
                "song_id": pa.array(np.tile(songs, len(users)), pa.int32()),
                "score": pa.array(np.tile(scores, len(users)), pa.float64()),
            }
        )
    )


def brute_force(
    model: FactorModel, user_id: int, heard: Ints, k: int, cap: ArtistCap | None = None
) -> tuple[Ints, Floats]:
    """Song ids and scores of one user's top K by scoring every song, the oracle of `recommend`."""
    scores, _, _ = model.score(np.full(len(model.song_ids), user_id), model.song_ids)
    unheard = np.flatnonzero(~np.isin(model.song_ids, heard))
    order = unheard[np.lexsort((model.song_ids[unheard], -scores[unheard]))]
    if cap is not None:
        seen: Counter[int] = Counter()
        kept = []
        for song in order:
            seen[cap.artist_ids[song]] += 1
            if seen[cap.artist_ids[song]] <= cap.songs:
                kept.append(song)
        order = np.array(kept, dtype=np.intp)
    return model.song_ids[order[:k]], scores[order[:k]]


def violations(
    recommended: DataFrame,
    heard: DataFrame,
    model: FactorModel,
    k: int,
    cap: ArtistCap | None = None,
) -> list[str]:
    """What is wrong with the recommendations of the users in `heard` (user_id, song_id)."""
    listened = _lists(heard, F.col("song_id"))
    ranked = _lists(recommended, F.struct("rank", "song_id", "score"))
    wrong = []
    for user, songs in listened.items():
        found = sorted(ranked.get(user, []))
        expected, scores = brute_force(model, user, np.array(songs), k, cap)
        if set(songs) & {row["song_id"] for row in found}:
            wrong.append(f"user {user}: a song that the user has rated")
        if [row["rank"] for row in found] != list(range(1, len(expected) + 1)):
            wrong.append(f"user {user}: {len(found)} songs, {len(expected)} expected")
        elif not np.allclose([row["score"] for row in found], scores, rtol=0, atol=1e-9):
            wrong.append(f"user {user}: scores differ from brute force")
        elif [row["song_id"] for row in found] != expected.tolist():
            wrong.append(f"user {user}: songs differ from brute force")
    return wrong


def _lists(frame: DataFrame, value: Column) -> dict[int, list[Any]]:
    rows = frame.groupBy("user_id").agg(F.collect_list(value).alias("values")).collect()
    return {row["user_id"]: row["values"] for row in rows}


class _Ranking:
    """The search of one task."""

    def __init__(self, model: FactorModel, cap: ArtistCap | None, k: int) -> None:
        self._model, self._cap, self._k = model, cap, k
        # A dot product with (factors, 1) adds the song's offset.
        columns = np.c_[model.song_factors, model.song_offsets]
        self._songs = np.ascontiguousarray(columns, np.float32)

    def of(self, block: UserBlock, users: slice) -> pa.RecordBatch:
        ids, counts = block.users[users], block.counts[users]
        first = block.starts[users][0]
        heard = self._heard(block.songs[first : first + counts.sum()], counts)
        songs = np.zeros((len(ids), self._k), np.intp)
        scores = np.full((len(ids), self._k), -np.inf)
        fetched, short = self._k + _SPARE, np.arange(len(ids))
        # A cap on artists may pass over songs: those users' search goes further down.
        while len(short):
            found, stars = self._top(ids[short], heard[short], min(fetched, len(self._songs)))
            songs[short, : found.shape[1]], scores[short, : found.shape[1]] = found, stars
            if self._cap is None or fetched >= len(self._songs):
                break
            short = short[~np.isfinite(scores[short, -1])]
            fetched *= 8
        return self._batch(ids, songs, scores)

    def _top(self, ids: Ints, heard: csr_matrix, count: int) -> tuple[Ints, Floats]:
        """Positions and scores of the best songs of each user, (users, k or fewer)."""
        model = self._model
        user, known = find(model.user_ids, ids)
        factors = np.where(known[:, None], model.user_factors[user], 0)
        queries = np.c_[factors, np.ones(len(ids))].astype(np.float32)
        songs, kernel = topk(self._songs, queries, count, filter_query_items=heard, num_threads=1)
        # Single precision sums differ with the shape of the batch; the order must not.
        taste = np.einsum("uf,usf->us", factors, model.song_factors[songs], dtype=np.float64)
        base = model.mean + np.where(known, model.user_offsets[user], 0.0)
        scores = base[:, None] + model.song_offsets[songs] + taste
        # The kernel marks songs that it left out by the lowest score there is.
        scores[kernel <= np.finfo(np.float32).min / 2] = -np.inf
        order = np.lexsort((songs, -scores), axis=1)
        songs, scores = (np.take_along_axis(a, order, axis=1) for a in (songs, scores))
        if self._cap is not None:
            scores[_earlier_alike(self._cap.artist_ids[songs]) >= self._cap.songs] = -np.inf
            order = np.argsort(np.isneginf(scores), axis=1, kind="stable")
            songs, scores = (np.take_along_axis(a, order, axis=1) for a in (songs, scores))
        return songs[:, : self._k], scores[:, : self._k]

    def _heard(self, songs: Ints, counts: Ints) -> csr_matrix:
        position, known = find(self._model.song_ids, songs)
        user = np.repeat(np.arange(len(counts)), counts)[known]
        shape = (len(counts), len(self._songs))
        return csr_matrix((np.ones(len(user), np.float32), (user, position[known])), shape=shape)

    def _batch(self, ids: Ints, songs: Ints, scores: Floats) -> pa.RecordBatch:
        kept = np.isfinite(scores)
        ranks = np.broadcast_to(np.arange(1, self._k + 1, dtype=np.int32), kept.shape)
        columns = [
            pa.array(np.repeat(ids, kept.sum(axis=1)), pa.int32()),
            pa.array(ranks[kept], pa.int32()),
            pa.array(self._model.song_ids[songs][kept], pa.int32()),
            pa.array(scores[kept], pa.float64()),
        ]
        return pa.RecordBatch.from_arrays(columns, ["user_id", "rank", "song_id", "score"])


def _earlier_alike(values: Ints) -> Ints:
    """How many equal values stand before each one in its row, (rows, columns)."""
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    column = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    fresh = np.c_[np.ones(len(values), bool), ordered[:, 1:] != ordered[:, :-1]]
    since = column - np.maximum.accumulate(np.where(fresh, column, 0), axis=1)
    counts: Ints = np.empty_like(since)
    np.put_along_axis(counts, order, since, axis=1)
    return counts
