from dataclasses import replace

import numpy as np
import pytest
from builders import table
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.models import artifacts
from ymr_spark.models.factors import FactorModel, Link, to_stars

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


def test_the_logistic_link_by_hand() -> None:
    model = replace(MODEL, mean=0.0, link="logistic")
    stars, known = model.predict(np.array([2, 3]), np.array([1, 7]))
    # Scores 0.5 + 0.25 + 0.5 and 0.
    np.testing.assert_allclose(stars, [1 + 4 / (1 + np.exp(-1.25)), 3.0])
    assert known.tolist() == [True, False]


@pytest.mark.parametrize("link", ["clip", "logistic"])
def test_spark_turns_scores_into_the_same_stars(spark: SparkSession, link: Link) -> None:
    model = replace(MODEL, link=link)
    scores = [-3.0, 0.0, 2.5, 9.0]
    frame = spark.createDataFrame([(s,) for s in scores], "score double")
    found = [row[0] for row in frame.select(artifacts.stars(F.col("score"), model)).collect()]
    np.testing.assert_allclose(found, to_stars(np.array(scores), 1.0, 5.0, link))


def test_only_some_users_and_songs_are_known() -> None:
    model = artifacts.only(MODEL, np.array([5, 7]), np.array([1, 9]))
    stars, known = model.predict(np.array([2, 5, 5]), np.array([1, 8, 1]))
    # 3 + .25; 3 - .5; 3 - .5 + .25 + 18 bounded to 5
    np.testing.assert_allclose(stars, [3.25, 2.5, 5.0])
    assert known.tolist() == [False, False, True]


def test_tables_and_back() -> None:
    kept = artifacts.tables(MODEL)
    users, songs = kept["users"], kept["songs"].sort_by("offset")
    again = artifacts.from_tables("tiny", 3.0, (1.0, 5.0, "clip"), users, songs)
    for name, value in vars(MODEL).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_rows_of_unknown_songs_fall_back(spark: SparkSession) -> None:
    rows = table(spark, "ratings", [(2, 1, 5, "test", 0), (2, 77, 1, "test", 0)])
    other = replace(MODEL, mean=1.0)
    found = artifacts.predict(rows, MODEL, other).orderBy("song_id").collect()
    assert [(r.model, r.split, r.song_id, r.fallback) for r in found] == [
        ("tiny", "test", 1, False),
        ("tiny", "test", 77, True),
    ]
    assert [r.prediction for r in found] == pytest.approx([4.25, 1.5])
