from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import of_table, table
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.models.arrays import Link, to_stars
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.ranking_model import in_stars
from ymr_spark.sources.r2.scale import R2

MODEL = FactorModel(
    "tiny",
    3.0,
    np.array([2, 5], np.int32),
    np.array([0.5, -0.5]),
    np.array([[1, 0], [0, 2]], np.float32),
    np.array([1, 8, 9], np.int32),
    np.array([0.25, 0.0, -4.0]),
    np.array([[0.5, 9], [1, 1], [0, 0]], np.float32),
    R2,
)


def test_score_by_hand() -> None:
    stars, known = MODEL.predict(np.array([2, 5, 5, 2]), np.array([1, 8, 9, 9]))
    # 3 + .5 + .25 + .5; 3 - .5 + 0 + 2; 3 - .5 - 4 bounded to 1; 3 + .5 - 4 bounded to 1
    np.testing.assert_allclose(stars, [4.25, 4.5, 1.0, 1.0])
    assert known.all()


def test_scores_by_position_are_those_by_id() -> None:
    users, songs = np.array([0, 1, 1, 0]), np.array([0, 1, 2, 2])
    by_id, *_ = MODEL.score(MODEL.user_ids[users], MODEL.song_ids[songs])
    np.testing.assert_array_equal(MODEL.score_at(users, songs), by_id)


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
    scores = [-3.0, 0.0, 2.5, 9.0]
    frame = spark.createDataFrame([(s,) for s in scores], "score double")
    found = [row[0] for row in frame.select(in_stars(F.col("score"), R2, link)).collect()]
    np.testing.assert_allclose(found, to_stars(np.array(scores), R2, link))


def test_only_some_users_and_songs_are_known() -> None:
    model = MODEL.only(np.array([5, 7]), np.array([1, 9]))
    stars, known = model.predict(np.array([2, 5, 5]), np.array([1, 8, 1]))
    # 3 + .25; 3 - .5; 3 - .5 + .25 + 18 bounded to 5
    np.testing.assert_allclose(stars, [3.25, 2.5, 5.0])
    assert known.tolist() == [False, False, True]


def test_tables_and_back() -> None:
    kept = MODEL.tables()
    kept["songs"] = kept["songs"].sort_by("offset")
    again = FactorModel.of_tables("tiny", 3.0, R2, "clip", kept)
    for name, value in vars(MODEL).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_rows_of_unknown_songs_fall_back(spark: SparkSession) -> None:
    rows = table(spark, "ratings", [(2, 1, 5, "test", 0), (2, 77, 1, "test", 0)])
    other = replace(MODEL, mean=1.0)
    model = of_table(LinearModel(MODEL), LinearModel(other))
    found = model.transform(rows).orderBy("song_id").collect()
    assert [(r.split, r.song_id, r.rating, r.fallback) for r in found] == [
        ("test", 1, 5.0, False),
        ("test", 77, 1.0, True),
    ]
    assert [r.prediction for r in found] == pytest.approx([4.25, 1.5])


def test_a_model_made_of_arrays_is_saved_and_loaded(spark: SparkSession, tmp_path: Path) -> None:
    """It does not know what its users have rated, and says so where that is asked for."""
    folder = str(tmp_path / "model")
    other = replace(MODEL, mean=1.0)
    of_table(LinearModel(MODEL), LinearModel(other)).write().save(folder)
    again = LinearModel.load(folder)
    assert isinstance(again, LinearModel)
    rows = table(spark, "ratings", [(2, 1, 5, "test", 0), (2, 77, 1, "test", 0)])
    found = again.transform(rows).orderBy("song_id").collect()
    assert [(r.prediction, r.fallback) for r in found] == [(4.25, False), (1.5, True)]
    with pytest.raises(DataContractError, match="does not know what its users have rated"):
        again.recommendForAllUsers(2)
