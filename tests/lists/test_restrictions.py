from typing import Any

import numpy as np
import pytest
from builders import CATALOGUE as SONGS

from ymr_spark.errors import SettingsError
from ymr_spark.lists import restrictions
from ymr_spark.lists.catalogue import Catalogue
from ymr_spark.models import topk
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.sources.r2.scale import R2

PARENTS = {0: 0, 1: 1, 11: 1, 111: 11, 2: 2}


def test_a_genre_means_all_below_it() -> None:
    assert restrictions.below([1], PARENTS) == {1, 11, 111}
    assert restrictions.below([11, 0], PARENTS) == {11, 111, 0}
    assert restrictions.below([], PARENTS) == set()


def test_an_unknown_genre_is_named() -> None:
    with pytest.raises(SettingsError, match="genre 77 is not in"):
        restrictions.below([1, 77], PARENTS)


@pytest.mark.parametrize(
    ("least", "included", "excluded", "expected"),
    [
        (0, None, set(), [10, 20, 30, 40]),
        (10, None, set(), [20, 30, 40]),
        (0, {1, 11, 111}, set(), [20, 40]),
        (0, None, {0, 2}, [20, 40]),
        (11, {1, 11, 111}, {2}, [40]),
    ],
)
def test_eligible(
    least: int, included: set[int] | None, excluded: set[int], expected: list[int]
) -> None:
    chosen = restrictions.eligible(SONGS, least, included, excluded)
    assert SONGS.song_ids[chosen].tolist() == expected


def test_restricted_by_hand() -> None:
    model = FactorModel(
        "m",
        3.0,
        np.array([1]),
        np.zeros(1),
        np.ones((1, 1), np.float32),
        SONGS.song_ids,
        np.array([0.1, 0.2, 0.3, 0.4]),
        np.array([[1.0], [2.0], [3.0], [4.0]], np.float32),
        R2,
    )
    found = restrictions.restricted(model, SONGS.of(np.array([20, 40])), 0.5)
    assert found.song_ids.tolist() == [20, 40]
    np.testing.assert_allclose(found.song_offsets, [0.2 - 0.5 * 1, 0.4 - 0.5 * 3])
    np.testing.assert_allclose(found.song_factors, [[2], [4]])
    scores, *_ = found.score(np.array([1]), np.array([40]))
    np.testing.assert_allclose(scores, [3 + 0.4 - 1.5 + 4])


def test_restrict_puts_the_options_together() -> None:
    """Songs in an order of the model's own: 40 is left out by its genre, 10 by its ratings."""
    ids = np.array([10, 20, 30, 40])
    users = np.array([1]), np.zeros(1)
    model = FactorModel.of_offsets("m", 3.0, users, (ids, np.zeros(4)), R2)
    asked: dict[str, Any] = {
        "min_ratings": 2,
        "exclude_genres": [],
        "popularity_damping": 0.5,
        "per_artist": 1,
    }
    found, cap = restrictions.restrict(model, SONGS, PARENTS, include_genres=[11, 2], **asked)
    assert found.song_ids.tolist() == [20, 30]
    np.testing.assert_allclose(found.song_offsets, [-0.5, -1.0])
    assert cap is not None
    assert (cap.artist_ids.tolist(), cap.songs) == ([1, 2], 1)
    without = asked | {"exclude_genres": [1], "per_artist": None}
    found, cap = restrictions.restrict(model, SONGS, PARENTS, include_genres=[], **without)
    assert found.song_ids.tolist() == [30]
    assert cap is None


# Song: artist, genre, train ratings. The model knows song 9 besides, which is in no table.
WORLD = {1: (5, 11, 0), 2: (5, 2, 30), 3: (6, 111, 4), 4: (6, 1, 0), 6: (7, 2, 0), 8: (7, 2, 9)}
PLAIN: dict[str, Any] = {
    "min_ratings": 0,
    "include_genres": [],
    "exclude_genres": [],
    "popularity_damping": 0.0,
    "per_artist": None,
}


def deep(*song_ids: int) -> FactorModel:
    """A model that knows songs by their attributes, rated or not: the later, the better."""
    songs = np.array(song_ids)
    users = np.array([1]), np.zeros(1)
    return FactorModel.of_offsets("deep", 3.0, users, (songs, songs / 10.0), R2)


def listed(**options: Any) -> list[int]:
    rows = [WORLD[song] for song in sorted(WORLD)]
    artists, genres, counts = np.array(rows).T
    songs = Catalogue(np.array(sorted(WORLD)), artists, genres, counts, 3 * counts)
    model, cap = restrictions.restrict(deep(*sorted(WORLD), 9), songs, PARENTS, **PLAIN | options)
    best: list[int] = topk.brute_force(model, 1, np.array([], int), 9, cap)[0].tolist()
    return best


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [8, 6, 4, 3, 2, 1]),
        ({"exclude_genres": [1]}, [8, 6, 2]),
        ({"include_genres": [1]}, [4, 3, 1]),
        ({"include_genres": [11], "min_ratings": 1}, [3]),
        ({"min_ratings": 1}, [8, 3, 2]),
        ({"per_artist": 1}, [8, 4, 2]),
        ({"popularity_damping": 0.5}, [6, 4, 8, 1, 3, 2]),
    ],
)
def test_options_hold_for_songs_that_nobody_has_rated(
    options: dict[str, Any], expected: list[int]
) -> None:
    assert listed(**options) == expected


def test_no_song_left_is_an_error() -> None:
    with pytest.raises(SettingsError, match="no song of the model deep"):
        listed(min_ratings=1001)
