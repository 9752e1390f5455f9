"""What every registered model does: a new one is held to it by its entry."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.models import registry
from ymr_spark.models.estimator import RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.registry import Entry
from ymr_spark.ratings import with_scale
from ymr_spark.scale import Scale

SCALE = Scale(0.5, 5.0, 0.5)
COLUMNS = {"userCol": "who", "itemCol": "what", "ratingCol": "stars"}
QUICK = {"maxEpochs": 2, "batchSize": 128, "maxIter": 3, "rank": 2, "dimension": 2}
FAR = 10**12  # more than 32 bits


def estimator(entry: Entry, **params: Any) -> RatingEstimator[Any]:
    kind = registry.imported(entry.estimator)
    known = {name: value for name, value in QUICK.items() if kind().hasParam(name)}
    found: RatingEstimator[Any] = kind(**(COLUMNS | known | params))
    return found


@pytest.fixture(scope="module")
def ratings(spark: SparkSession) -> DataFrame:
    """Half stars of 40 users, who have names, for 30 items with large ids."""
    random = np.random.default_rng(7)
    users, items = random.normal(size=(40, 2)), random.normal(size=(30, 2))
    pairs = np.argwhere(random.random((40, 30)) < 0.5)
    stars = 3 + np.einsum("nf,nf->n", users[pairs[:, 0]], items[pairs[:, 1]])
    rows = [
        (f"user {u}", int(FAR + i), float(np.clip(np.round(2 * s) / 2, 0.5, 5)), bool(n % 9 == 0))
        for n, ((u, i), s) in enumerate(zip(pairs, stars, strict=True))
    ]
    frame = spark.createDataFrame(rows, "who string, what bigint, stars double, later boolean")
    return with_scale(frame, SCALE, "stars").cache()


@pytest.fixture(scope="module", params=registry.MODELS, ids=registry.NAMES)
def entry(request: pytest.FixtureRequest) -> Entry:
    found: Entry = request.param
    return found


@pytest.fixture(scope="module")
def model(entry: Entry, ratings: DataFrame) -> RatingModel[Any]:
    found: RatingModel[Any] = estimator(entry, validationIndicatorCol="later").fit(ratings)
    return found


def predicted(model: Any, rows: DataFrame) -> pd.DataFrame:
    return model.transform(rows).orderBy("who", "what").toPandas()


def test_it_adds_two_columns_within_the_scale(model: RatingModel[Any], ratings: DataFrame) -> None:
    found = predicted(model, ratings)
    assert [*found.columns] == ["who", "what", "stars", "later", "prediction", "fallback"]
    given = ratings.orderBy("who", "what").toPandas()
    pd.testing.assert_frame_equal(found[given.columns], given)
    assert found["prediction"].between(SCALE.lowest, SCALE.highest).all()
    assert model.scorer.scale == SCALE


def test_what_it_does_not_know_is_said_and_scored(
    model: RatingModel[Any], spark: SparkSession
) -> None:
    rows = [("user 1", FAR + 99), ("nobody", FAR + 1), ("nobody", -5), (None, None)]
    found = predicted(model, spark.createDataFrame(rows, "who string, what bigint"))
    assert found["fallback"].all()
    assert found["prediction"].between(SCALE.lowest, SCALE.highest).all()


def test_it_is_the_same_after_a_round_trip(
    model: RatingModel[Any], ratings: DataFrame, tmp_path: Path
) -> None:
    model.write().overwrite().save(str(tmp_path / "model"))
    again = type(model).load(str(tmp_path / "model"))
    assert again.uid == model.uid
    assert again.extractParamMap() == model.extractParamMap()
    pd.testing.assert_frame_equal(predicted(again, ratings), predicted(model, ratings))


def test_the_same_seed_gives_the_same_model(
    entry: Entry, model: RatingModel[Any], ratings: DataFrame
) -> None:
    once_more = estimator(entry, validationIndicatorCol="later")
    if model.fallback is not None:  # fitted to the same ratings
        once_more.setFallback(model.fallback)
    again = once_more.fit(ratings.repartition(3))
    pd.testing.assert_frame_equal(predicted(again, ratings), predicted(model, ratings))


def test_its_lists_are_the_best_of_what_a_user_has_not_rated(
    entry: Entry, model: RatingModel[Any], ratings: DataFrame
) -> None:
    if not entry.ranks_songs:
        assert not hasattr(model, "recommendForAllUsers")
        return
    everyone = {row["who"]: row["recommendations"] for row in lists(model, ratings)}
    assert everyone.keys() == {row["who"] for row in ratings.select("who").distinct().collect()}
    pairs = ratings.select("who").distinct().crossJoin(ratings.select("what").distinct())
    unheard = predicted(model, pairs.join(ratings, ["who", "what"], "leftanti"))
    for who, mine in unheard.groupby("who"):
        best = mine.sort_values(["prediction", "what"], ascending=[False, True])[:4]
        ratings_ = [row["rating"] for row in everyone[who]]
        np.testing.assert_allclose(ratings_, best["prediction"], rtol=1e-6)
        assert {row["what"] for row in everyone[who]} <= set(mine["what"])
    some = ratings.where(F.col("who") == "user 3").select("who")
    nobody = some.select(F.lit("nobody").alias("who"))
    few = model.recommendForUserSubset(some.union(nobody), 4).collect()
    assert [(row["who"], row["recommendations"]) for row in few] == [("user 3", everyone["user 3"])]


def lists(model: Any, ratings: DataFrame) -> list[Any]:
    found: list[Any] = model.recommendForAllUsers(4).collect()
    return found


def test_wrong_columns_are_told_before_any_job(
    entry: Entry, model: RatingModel[Any], ratings: DataFrame
) -> None:
    context = ratings.sparkSession.sparkContext
    group = f"contract {entry.name}"
    context.setJobGroup(group, "none is to begin")
    fit = estimator(entry).fit
    try:
        with pytest.raises(DataContractError, match="no column stars"):
            fit(ratings.drop("stars"))
        with pytest.raises(DataContractError, match="column who: array<string>"):
            fit(ratings.withColumn("who", F.array("who")))
        with pytest.raises(DataContractError, match="column stars: string"):
            fit(ratings.withColumn("stars", F.col("stars").cast("string")))
        with pytest.raises(DataContractError, match="no column what"):
            model.transform(ratings.drop("what"))
        with pytest.raises(DataContractError, match="column prediction: there already"):
            model.transform(ratings.withColumn("prediction", F.lit(1.0)))
        assert not context.statusTracker().getJobIdsForGroup(group)
    finally:
        context.setLocalProperty("spark.jobGroup.id", None)


def test_ratings_that_are_null_are_refused(entry: Entry, ratings: DataFrame) -> None:
    holes = ratings.withColumn("stars", F.when(F.col("what") != FAR + 3, F.col("stars")))
    with pytest.raises(DataContractError, match=r"column stars: \d+ nulls"):
        estimator(entry).fit(with_scale(holes, SCALE, "stars"))


def test_its_params_have_the_defaults_and_bounds_of_its_settings(entry: Entry) -> None:
    kind = registry.imported(entry.estimator)
    assert kind().settings() == entry.section().model_dump(mode="json")
    assert kind.of_settings(entry.section().model_dump(mode="json")).settings() == kind().settings()
    with pytest.raises(SettingsError, match="no nonsense"):
        kind(nonsense=1)
    for param in kind().params:
        assert param.doc
        if param.name not in ("seed", "checkpointDir", "validationIndicatorCol") and (
            not param.name.endswith("Col")
        ):
            with pytest.raises(SettingsError, match=param.name):
                kind(**{param.name: -1e9})


def test_an_estimator_is_saved_and_loaded_in_a_pipeline(
    entry: Entry, model: RatingModel[Any], tmp_path: Path
) -> None:
    one = estimator(entry, seed=5)
    Pipeline(stages=[one]).write().save(str(tmp_path / "pipeline"))
    (again,) = Pipeline.load(str(tmp_path / "pipeline")).getStages()
    assert type(again) is type(one)
    assert again.settings() == one.settings()
    assert again.extractParamMap() == one.extractParamMap()
    PipelineModel([model]).write().save(str(tmp_path / "fitted"))
    (loaded,) = PipelineModel.load(str(tmp_path / "fitted")).stages
    assert type(loaded) is type(model)
