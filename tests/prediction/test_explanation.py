import numpy as np
import pytest

from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.prediction import explanation
from ymr_spark.prediction.explanation import Neighbor
from ymr_spark.sources.r2.scale import R2

MODEL = FactorModel(
    "m",
    3.0,
    np.array([4, 7]),
    np.array([0.5, -1.0]),
    np.array([[1.0, 0.0], [0.0, 2.0]]),
    np.array([10, 11, 12]),
    np.array([0.25, 0.0, -0.5]),
    np.array([[3.0, 4.0], [0.0, 1.0], [-6.0, -8.0]]),
    R2,
)


def test_the_terms_add_up_to_the_score() -> None:
    parts = explanation.parts(MODEL, 7, 10)
    assert parts == explanation.Parts(3.0, -1.0, 0.25, 8.0)
    (score,), _, _ = MODEL.score(np.array([7]), np.array([10]))
    assert score == pytest.approx(3.0 - 1.0 + 0.25 + 8.0)


def test_what_is_unknown_has_no_terms() -> None:
    assert explanation.parts(MODEL, 5, 10) == explanation.Parts(3.0, None, 0.25, None)
    assert explanation.parts(MODEL, 4, 99) == explanation.Parts(3.0, 0.5, None, None)


def test_nearest_are_rated_songs_by_absolute_similarity() -> None:
    lists = np.array([1, 2, 3, 4]), np.array([0.9, -0.5, 0.4, -0.6])
    rated = {2: 1, 3: 5, 4: 2, 9: 3}
    expected = [Neighbor(4, 2, -0.6), Neighbor(2, 1, -0.5)]
    assert explanation.by_similarity(*lists, rated, 2) == expected


def test_cosine_by_hand() -> None:
    # Cosines with song 10: 0.8 for song 11, -1 for song 12.
    near = explanation.by_cosine(MODEL, 10, {10: 5, 11: 4, 12: 1, 99: 2}, 5)
    assert [(n.song_id, n.rating) for n in near] == [(12, 1), (11, 4)]
    assert [n.similarity for n in near] == pytest.approx([-1, 0.8])
    assert explanation.by_cosine(MODEL, 98, {11: 4}, 5) == []
    assert explanation.by_cosine(MODEL, 10, {10: 5}, 5) == []
