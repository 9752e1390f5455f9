"""What a prediction is made of, and which of a user's rated songs are nearest to a song."""

from dataclasses import dataclass

import numpy as np

from ymr_spark.models.arrays import Floats, Ints, find
from ymr_spark.models.linear.factors import FactorModel


@dataclass(frozen=True)
class Parts:
    """The terms of a score before bounding, in stars; None where user or song is unknown."""

    mean: float
    user: float | None
    song: float | None
    taste: float | None


@dataclass(frozen=True)
class Neighbor:
    """A song that the user rated and that is similar to the one asked for."""

    song_id: int
    rating: float  # stars, by the user
    similarity: float


def parts(model: FactorModel, user_id: int, song_id: int) -> Parts:
    """The terms of the model's score of one pair."""
    (user,), (user_known,) = find(model.user_ids, np.array([user_id]))
    (song,), (song_known,) = find(model.song_ids, np.array([song_id]))
    return Parts(
        model.mean,
        float(model.user_offsets[user]) if user_known else None,
        float(model.song_offsets[song]) if song_known else None,
        float(model.user_factors[user] @ model.song_factors[song])
        if user_known and song_known
        else None,
    )


def by_similarity(
    songs: Ints, similarities: Floats, rated: dict[int, int], count: int
) -> list[Neighbor]:
    """The `count` rated songs of largest absolute similarity, given a song's neighbours.

    Args:
        rated: stars by song id, the user's train ratings.
    """
    near = [
        Neighbor(song, rated[song], similarity)
        for song, similarity in zip(songs.tolist(), similarities.tolist(), strict=True)
        if song in rated
    ]
    return sorted(near, key=lambda n: (-abs(n.similarity), n.song_id))[:count]


def by_cosine(
    model: FactorModel, song_id: int, rated: dict[int, int], count: int
) -> list[Neighbor]:
    """The same by the cosine of the model's song factors; empty where it does not know the song."""
    ids = np.array(sorted(rated.keys() - {song_id}), np.int64)
    (own,), (known,) = find(model.song_ids, np.array([song_id]))
    if not known or not len(ids) or not model.song_factors.shape[1]:
        return []
    position, found = find(model.song_ids, ids)
    others = model.song_factors[position[found]]
    norms = np.linalg.norm(others, axis=1) * np.linalg.norm(model.song_factors[own])
    cosines = others @ model.song_factors[own] / np.maximum(norms, 1e-12)
    return by_similarity(ids[found], cosines, rated, count)
