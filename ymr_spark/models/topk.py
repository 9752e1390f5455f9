"""The exact top K songs that a user has not rated, by any ranker, over all its songs; or as many
of its best, put in order by a second stage."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.models import registry, second_stage
from ymr_spark.models.arrays import Floats, Ints
from ymr_spark.models.ranker import ArtistCap, Ranker, Search
from ymr_spark.models.second_stage import SecondStage, Stage
from ymr_spark.packing import Block, Kernel, Packed

_SCHEMA = "user_id int, rank int, song_id int, score double"


def recommend(
    heard: Packed,
    model: Ranker,
    k: int,
    cap: ArtistCap | None = None,
    then: Stage | None = None,
) -> DataFrame:
    """One row per (user_id, rank): user_id, rank from 1, song_id, score: what songs are ordered
    by; after another stage, rows of its schema.

    Args:
        heard: `packing.by_user` of all that the users have rated; these songs are left out.
        model: whose songs are the ones to choose from.
        k: songs a user; fewer where there are no more to choose from.
        cap: passes over the songs of an artist who has enough better ones in the list.
        then: makes something else of the model's best, puts them in another order say.

    Equal scores are ranked by song id.

    Raises:
        DataContractError: not all numbers of the model are finite.
    """
    return heard.map(_ranking(heard, model, k, cap, then), _schema(then))


def recommend_wide(heard: Packed, model: Ranker, k: int, then: Stage | None = None) -> DataFrame:
    """The same for `packing.long` on the driver."""
    return heard.map_wide(_ranking(heard, model, k, None, then), _schema(then))


def _schema(then: Stage | None) -> str:
    return then.schema if then else _SCHEMA


def _ranking(
    heard: Packed, model: Ranker, k: int, cap: ArtistCap | None, then: Stage | None
) -> Kernel:
    _check_finite(model)
    shared = heard.broadcast((model, cap, then))
    length = _length(k, then)

    def rank(blocks: Iterator[Block]) -> Iterable[pa.RecordBatch]:
        model, cap, then = shared.value
        search: Search = registry.imported(model.searched_by)(model, cap, length)
        for block in blocks:
            for first in range(0, len(block.owners), search.users_at_once):
                found = search.of(block, slice(first, first + search.users_at_once))
                yield then.of(found, k) if then else found

    return rank


def for_strangers(
    spark: SparkSession,
    user_ids: Sequence[int],
    model: Ranker,
    k: int,
    cap: ArtistCap | None = None,
) -> DataFrame:
    """As `recommend`, for users whom nothing is known of: all get the same list."""
    songs, scores = brute_force(model, -1, np.array([], np.int32), k, cap)
    ranks = np.arange(1, len(songs) + 1)
    columns = {"rank": pa.array(ranks, pa.int32()), "song_id": pa.array(songs, pa.int32())}
    ranked = spark.createDataFrame(pa.table(columns | {"score": pa.array(scores, pa.float64())}))
    users = spark.createDataFrame(pa.table({"user_id": pa.array(user_ids, pa.int32())}))
    return users.crossJoin(F.broadcast(ranked))


def brute_force(
    model: Ranker, user_id: int, heard: Ints, k: int, cap: ArtistCap | None = None
) -> tuple[Ints, Floats]:
    """Song ids and scores of one user's top K by scoring every song, the oracle of `recommend`."""
    scores = model.scores_of(user_id, heard)
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
    model: Ranker,
    k: int,
    cap: ArtistCap | None = None,
    then: SecondStage | None = None,
) -> list[str]:
    """What is wrong with the recommendations of the users in `heard` (user_id, song_id)."""
    listened = _lists(heard, F.col("song_id"))
    ranked = _lists(recommended, F.struct("rank", "song_id", "score"))
    wrong = []
    for user, songs in listened.items():
        found = sorted(ranked.get(user, []))
        expected, scores = _expected(model, user, np.array(songs), k, cap, then)
        if set(songs) & {row["song_id"] for row in found}:
            wrong.append(f"user {user}: a song that the user has rated")
        if [row["rank"] for row in found] != list(range(1, len(expected) + 1)):
            wrong.append(f"user {user}: {len(found)} songs, {len(expected)} expected")
        elif not np.allclose([row["score"] for row in found], scores, rtol=0, atol=1e-9):
            wrong.append(f"user {user}: scores differ from brute force")
        elif [row["song_id"] for row in found] != expected.tolist():
            wrong.append(f"user {user}: songs differ from brute force")
    return wrong


def _expected(
    model: Ranker,
    user_id: int,
    heard: Ints,
    k: int,
    cap: ArtistCap | None,
    then: SecondStage | None,
) -> tuple[Ints, Floats]:
    songs, scores = brute_force(model, user_id, heard, _length(k, then), cap)
    if then is None:
        return songs, scores
    ids = np.full(len(songs), user_id, np.int32), np.arange(1, len(songs) + 1, dtype=np.int32)
    names = ["user_id", "rank", "song_id", "score"]
    candidates = pa.RecordBatch.from_arrays([*map(pa.array, (*ids, songs, scores))], names)
    found = then.of(candidates, k)
    return found.column("song_id").to_numpy(), found.column("score").to_numpy()


def _length(k: int, then: Stage | None) -> int:
    return max(k, second_stage.CANDIDATES) if then else k


def _check_finite(model: Ranker) -> None:
    if not model.is_finite:
        raise DataContractError(
            f"model {model.name}: some of its offsets or factors are no finite numbers, so "
            "it puts no songs in order; train it again with other settings"
        )


def _lists(frame: DataFrame, value: Column) -> dict[int, list[Any]]:
    rows = frame.groupBy("user_id").agg(F.collect_list(value).alias("values")).collect()
    return {row["user_id"]: row["values"] for row in rows}
