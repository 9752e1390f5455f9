"""The models inside of pyspark.ml: grids, pipelines, other processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import SQLTransformer
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import DataFrame, SparkSession

from ymr_spark.errors import SettingsError
from ymr_spark.models.linear.bias import Bias
from ymr_spark.models.linear.latent_factor import LatentFactor
from ymr_spark.models.linear.model import LinearModel

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def ratings(spark: SparkSession) -> DataFrame:
    """Ratings that one factor explains."""
    random = np.random.default_rng(3)
    users, items = random.choice([-1.5, 1.5], 30), random.choice([-1.0, 1.0], 25)
    pairs = np.argwhere(random.random((30, 25)) < 0.7)
    stars = 3 + np.round(users[pairs[:, 0]] * items[pairs[:, 1]])
    rows = [(int(u), int(i), float(s)) for (u, i), s in zip(pairs, stars, strict=True)]
    return spark.createDataFrame(rows, "user int, item int, rating double").cache()


@pytest.mark.cluster
def test_cross_validation_finds_the_rank(ratings: DataFrame) -> None:
    model = LatentFactor(maxIter=6, seed=2)
    grid = ParamGridBuilder().addGrid(model.getParam("rank"), [1, 6]).build()
    judge = RegressionEvaluator(labelCol="rating", predictionCol="prediction", metricName="mse")
    found = CrossValidator(
        estimator=model, estimatorParamMaps=grid, evaluator=judge, numFolds=2, seed=1
    ).fit(ratings)
    assert found.avgMetrics[0] < found.avgMetrics[1]
    assert isinstance(found.bestModel, LinearModel)
    assert found.bestModel.scorer.user_factors.shape[1] == 1
    bias = judge.evaluate(Bias().fit(ratings).transform(ratings))
    assert judge.evaluate(found.bestModel.transform(ratings)) < bias / 2


@pytest.mark.cluster
def test_a_pipeline_with_other_stages_is_saved_and_scored_elsewhere(
    ratings: DataFrame, tmp_path: Path
) -> None:
    loved = SQLTransformer(statement="SELECT user, item, rating FROM __THIS__ WHERE rating <= 5")
    fitted = Pipeline(stages=[loved, Bias(predictionCol="stars")]).fit(ratings)
    folder = str(tmp_path / "fitted")
    fitted.write().save(folder)
    expected = fitted.transform(ratings).orderBy("user", "item").toPandas()["stars"]
    script = """
import json, sys
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[1]").getOrCreate()
rows = spark.read.parquet(sys.argv[2])
found = PipelineModel.load(sys.argv[1]).transform(rows).orderBy("user", "item").toPandas()
print(json.dumps(found["stars"].tolist()))
"""
    rows = str(tmp_path / "rows")
    ratings.write.parquet(rows)
    command = [sys.executable, "-c", script, folder, rows]
    of_this_session = ("PYSPARK_", "SPARK_", "HADOOP_")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(of_this_session)}
    environ["PYSPARK_PYTHON"] = sys.executable
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout.splitlines()[-1]), expected, atol=1e-12)


def test_an_estimator_that_starts_from_a_fitted_model_is_not_saved_without_it(
    ratings: DataFrame, tmp_path: Path
) -> None:
    started = LatentFactor().setFallback(Bias().fit(ratings))
    with pytest.raises(SettingsError, match="setFallback"):
        started.write().save(str(tmp_path / "estimator"))


def test_columns_may_have_the_names_of_what_is_made_of_them(spark: SparkSession) -> None:
    rows = [(f"s{u}", u * i % 7 - 3, 1.0 + (u + i) % 5) for u in range(6) for i in range(5)]
    frame = spark.createDataFrame(rows, "song_id string, user_id int, score double")
    frame = frame.dropDuplicates(["song_id", "user_id"])
    plain = frame.withColumnsRenamed({"song_id": "user", "user_id": "item", "score": "rating"})
    swapped = Bias(userCol="song_id", itemCol="user_id", ratingCol="score").fit(frame)
    expected = Bias().fit(plain)
    found, other = swapped.transform(frame).toPandas(), expected.transform(plain).toPandas()
    np.testing.assert_array_equal(found["prediction"], other["prediction"])
    lists = swapped.recommendForAllUsers(2).orderBy("song_id").collect()
    same = expected.recommendForAllUsers(2).orderBy("user").collect()
    assert [[*row] for row in lists] == [[*row] for row in same]
    assert lists[0]["recommendations"][0].asDict().keys() == {"user_id", "rating"}
