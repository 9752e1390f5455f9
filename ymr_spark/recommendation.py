"""The exact top K songs that a user has not rated, by a factor model, over all its songs."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from implicit.cpu.topk import topk
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from ymr_spark.models.blocks import UserBlock, unpack
from ymr_spark.models.factors import FactorModel, Floats, Ints, find

_SCHEMA = "user_id int, rank int, song_id int, score double"
# Fetched beyond K, so that equal scores at the edge can be put in order of song id.
_SPARE = 16
_USERS_AT_ONCE = 512


def recommend(heard: DataFrame, model: FactorModel, k: int) -> DataFrame:
    """One row per (user_id, rank): user_id, rank from 1, song_id, score in unbounded stars.

    Args:
        heard: `blocks.user_blocks` of all that the users have rated; these songs are left out.
        k: songs a user; fewer where a user has rated nearly all.

    Equal scores are ranked by song id.
    """
    shared = heard.sparkSession.sparkContext.broadcast(model)

    def rank(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        songs = _with_offsets(shared.value)
        for block in unpack(batches):
            for first in range(0, len(block.users), _USERS_AT_ONCE):
                users = slice(first, first + _USERS_AT_ONCE)
                yield _top(shared.value, songs, block, users, k)

    return heard.mapInArrow(rank, _SCHEMA)


def brute_force(model: FactorModel, user_id: int, heard: Ints, k: int) -> tuple[Ints, Floats]:
    """Song ids and scores of one user's top K by scoring every song, the oracle of `recommend`."""
    scores, _, _ = model.score(np.full(len(model.song_ids), user_id), model.song_ids)
    scores = np.where(np.isin(model.song_ids, heard), -np.inf, scores)
    order = np.lexsort((model.song_ids, -scores))[:k]
    order = order[np.isfinite(scores[order])]
    return model.song_ids[order], scores[order]


def violations(recommended: DataFrame, heard: DataFrame, model: FactorModel, k: int) -> list[str]:
    """What is wrong with the recommendations of the users in `heard` (user_id, song_id)."""
    listened = _lists(heard, F.col("song_id"))
    ranked = _lists(recommended, F.struct("rank", "song_id", "score"))
    wrong = []
    for user, songs in listened.items():
        found = sorted(ranked.get(user, []))
        expected, scores = brute_force(model, user, np.array(songs), k)
        if set(songs) & {row["song_id"] for row in found}:
            wrong.append(f"user {user}: a song that the user has rated")
        if [row["rank"] for row in found] != list(range(1, len(expected) + 1)):
            wrong.append(f"user {user}: {len(found)} songs, {len(expected)} expected")
        elif not np.allclose([row["score"] for row in found], scores, atol=1e-4):
            wrong.append(f"user {user}: scores differ from brute force")
    return wrong


def _lists(frame: DataFrame, value: Column) -> dict[int, list[Any]]:
    rows = frame.groupBy("user_id").agg(F.collect_list(value).alias("values")).collect()
    return {row["user_id"]: row["values"] for row in rows}


def _with_offsets(model: FactorModel) -> Floats:
    """(songs, rank + 1) float32: a dot product with (factors, 1) adds the song's offset."""
    songs: Floats = np.c_[model.song_factors, model.song_offsets].astype(np.float32)
    return songs


def _top(
    model: FactorModel, songs: Floats, block: UserBlock, users: slice, k: int
) -> pa.RecordBatch:
    ids, counts, starts = block.users[users], block.counts[users], block.starts[users]
    position, known = find(model.user_ids, ids)
    factors = np.where(known[:, None], model.user_factors[position], 0)
    queries = np.c_[factors, np.ones(len(ids))].astype(np.float32)
    heard = block.songs[starts[0] : starts[-1] + counts[-1]]
    found, scores = topk(
        songs,
        queries,
        min(k + _SPARE, len(songs)),
        filter_query_items=_heard_matrix(model.song_ids, heard, counts),
        num_threads=1,
    )
    base = model.mean + np.where(known, model.user_offsets[position], 0.0)
    return _ranked(ids, model.song_ids[found], scores, base, k)


def _heard_matrix(song_ids: Ints, heard: Ints, counts: Ints) -> csr_matrix:
    position, known = find(song_ids, heard)
    user = np.repeat(np.arange(len(counts)), counts)[known]
    shape = (len(counts), len(song_ids))
    return csr_matrix((np.ones(len(user), np.float32), (user, position[known])), shape=shape)


def _ranked(users: Ints, songs: Ints, scores: Floats, base: Floats, k: int) -> pa.RecordBatch:
    order = np.lexsort((songs, -scores), axis=1)[:, :k]
    songs, scores = np.take_along_axis(songs, order, 1), np.take_along_axis(scores, order, 1)
    # The kernel marks songs that it left out by the lowest score there is.
    kept = scores > np.finfo(np.float32).min / 2
    ranks = np.broadcast_to(np.arange(1, order.shape[1] + 1, dtype=np.int32), kept.shape)
    stars = scores.astype(np.float64) + base[:, None]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(np.repeat(users, kept.sum(axis=1)), pa.int32()),
            pa.array(ranks[kept], pa.int32()),
            pa.array(songs[kept], pa.int32()),
            pa.array(stars[kept], pa.float64()),
        ],
        ["user_id", "rank", "song_id", "score"],
    )
