"""The search of one task against sorting all songs by their scores, one pair at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from ymr_spark.models.arrays import Ints
from ymr_spark.models.linear import ranking
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.ranking import Ranking
from ymr_spark.models.ranker import ArtistCap
from ymr_spark.packing import Block
from ymr_spark.sources.r2.scale import R2

Lists = dict[int, list[tuple[int, float]]]


def block(heard: dict[int, list[int]]) -> Block:
    users = sorted(heard)
    songs = np.array([song for user in users for song in sorted(heard[user])], np.int32)
    counts = np.array([len(heard[user]) for user in users], np.int32)
    return Block(np.array(users, np.int32), counts, songs, np.ones(len(songs)))


def found(model: FactorModel, heard: dict[int, list[int]], k: int, cap: ArtistCap | None) -> Lists:
    rows = Ranking(model, cap, k).of(block(heard), slice(0, len(heard))).to_pylist()
    lists: Lists = {user: [] for user in heard}
    for row in sorted(rows, key=lambda row: (row["user_id"], row["rank"])):
        lists[row["user_id"]].append((row["song_id"], row["score"]))
        assert row["rank"] == len(lists[row["user_id"]])
    return lists


def expected(
    model: FactorModel, heard: dict[int, list[int]], k: int, cap: ArtistCap | None
) -> Lists:
    artists = dict(zip(model.song_ids, cap.artist_ids, strict=True)) if cap else {}
    lists: Lists = {}
    for user, listened in heard.items():
        left = [song for song in model.song_ids.tolist() if song not in listened]
        stars = {s: float(model.score(np.array([user]), np.array([s]))[0][0]) for s in left}
        chosen: list[int] = []
        for song in sorted(left, key=lambda s: (-stars[s], s)):
            alike = sum(artists[c] == artists[song] for c in chosen) if cap else 0
            if cap is None or alike < cap.songs:
                chosen.append(song)
        lists[user] = [(song, stars[song]) for song in chosen[:k]]
    return lists


@st.composite
def near_ties(draw: st.DrawFn) -> tuple[FactorModel, dict[int, list[int]], ArtistCap | None]:
    """Songs in a few heaps, whose scores within a heap differ by rounding or not at all."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    songs, users, rank = draw(st.integers(1, 400)), 3, draw(st.integers(0, 9))
    heaps = random.normal(size=(draw(st.integers(1, 4)), rank + 1))
    columns = heaps[random.integers(0, len(heaps), songs)]
    apart = draw(st.sampled_from([0, 1e-16, 1e-9, 1e-7, 1e-5]))
    columns = columns * (1 + apart * random.normal(size=columns.shape))
    scale = draw(st.sampled_from([1e-30, 1e-3, 1, 100, 1e25]))
    model = FactorModel(
        "m",
        draw(st.sampled_from([0.0, 3.0])),
        np.arange(users, dtype=np.int32),
        random.normal(size=users),
        (scale * random.normal(size=(users, rank))).astype(np.float32),
        np.sort(random.choice(5000, songs, replace=False)).astype(np.int32),
        scale * columns[:, rank],
        columns[:, :rank].astype(np.float32),
        R2,
    )
    share = draw(st.sampled_from([0, 0.3, 0.99, 1]))
    heard = {u: model.song_ids[random.random(songs) < share].tolist() for u in range(users + 1)}
    artists = ArtistCap(random.integers(0, 40, songs), draw(st.integers(1, 3)))
    return model, heard, draw(st.sampled_from([None, artists]))


@settings(deadline=None, max_examples=120)
@given(near_ties(), st.integers(1, 30))
def test_lists_are_exact_whatever_the_ties(
    given_: tuple[FactorModel, dict[int, list[int]], ArtistCap | None], k: int
) -> None:
    model, heard, cap = given_
    assert found(model, heard, k, cap) == expected(model, heard, k, cap)


def many(songs: int) -> FactorModel:
    """Songs of which all but the last ten have one score."""
    offsets = np.r_[np.zeros(songs - 10), np.full(10, 1e-9)]
    users = np.array([1]), np.zeros(1)
    return FactorModel.of_offsets("m", 3.0, users, (np.arange(songs), offsets), R2)


def test_a_difference_below_single_precision_counts() -> None:
    (chosen,) = found(many(3000), {1: [2995]}, 20, None).values()
    assert [song for song, _ in chosen] == [*range(2990, 2995), *range(2996, 3000), *range(11)]


def test_more_songs_wanted_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_CELLS", 100)
    searched = Ranking(many(30), None, 2**40)
    assert searched.users_at_once == 3
    rows = searched.of(block({1: [29], 2: []}), slice(0, 2))
    assert rows.column("rank").to_pylist() == [*range(1, 30), *range(1, 31)]


def test_few_songs_are_fetched_where_scores_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = []
    top = Ranking._top

    def watched(self: Ranking, ids: Ints, heard: csr_matrix, count: int) -> object:
        fetched.append((len(ids), count))
        return top(self, ids, heard, count)

    monkeypatch.setattr(Ranking, "_top", watched)
    random = np.random.default_rng(1)
    model = FactorModel(
        "m",
        3.0,
        np.arange(512),
        np.zeros(512),
        random.normal(size=(512, 12)).astype(np.float32),
        np.arange(5000),
        np.zeros(5000),
        random.normal(size=(5000, 12)).astype(np.float32),
        R2,
    )
    found(model, {user: [user] for user in range(512)}, 100, None)
    assert fetched == [(512, 116)]
