import numpy as np
import pytest
from builders import table
from pyspark.sql import SparkSession

from ymr_spark.models import artifacts
from ymr_spark.models.factors import FactorModel

MODEL = FactorModel(
    "tiny",
    3.0,
    np.array([2, 5], np.int32),
    np.array([0.5, -0.5]),
    np.array([[1, 0], [0, 2]], np.float32),
    np.array([1, 8, 9], np.int32),
    np.array([0.25, 0.0, -4.0]),
    np.array([[0.5, 9], [1, 1], [0, 0]], np.float32),
)


def test_score_by_hand() -> None:
    stars, known = MODEL.predict(np.array([2, 5, 5, 2]), np.array([1, 8, 9, 9]))
    # 3 + .5 + .25 + .5; 3 - .5 + 0 + 2; 3 - .5 - 4 bounded to 1; 3 + .5 - 4 bounded to 1
    np.testing.assert_allclose(stars, [4.25, 4.5, 1.0, 1.0])
    assert known.all()


def test_unknown_ids_add_nothing_and_are_said() -> None:
    stars, known = MODEL.predict(np.array([2, 3, 3]), np.array([7, 1, 10]))
    np.testing.assert_allclose(stars, [3.5, 3.25, 3.0])
    assert not known.any()


def test_tables_and_back(spark: SparkSession) -> None:
    users, songs = artifacts.to_frames(spark, MODEL)
    again = artifacts.from_frames("tiny", 3.0, (1.0, 5.0), users, songs.orderBy("offset"))
    for name, value in vars(MODEL).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_rows_of_unknown_songs_fall_back(spark: SparkSession) -> None:
    import dataclasses

    rows = table(spark, "ratings", [(2, 1, 5, "test", 0), (2, 77, 1, "test", 0)])
    other = dataclasses.replace(MODEL, mean=1.0)
    found = artifacts.predict(rows, MODEL, other).orderBy("song_id").collect()
    assert [(r.model, r.split, r.song_id, r.fallback) for r in found] == [
        ("tiny", "test", 1, False),
        ("tiny", "test", 77, True),
    ]
    assert [r.prediction for r in found] == pytest.approx([4.25, 1.5])
