"""docs/library.md is one program that works."""

import re
from pathlib import Path
from typing import Any

import pytest
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.sql import SparkSession

import ymr_spark
from ymr_spark.models import registry

ROOT = Path(__file__).parent.parent


@pytest.mark.cluster
def test_the_examples_run(spark: SparkSession, tmp_path: Path) -> None:
    names: dict[str, Any] = {"spark": spark, "folder": tmp_path}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs/library.md").read_text(), re.S):
        exec(block, names)
    judge = RegressionEvaluator(labelCol="stars", predictionCol="prediction", metricName="mse")
    bias = judge.evaluate(names["bias"].transform(names["test"]))
    assert judge.evaluate(names["predictions"]) < bias / 2
    same = judge.evaluate(names["again"].transform(names["test"]))
    assert same == judge.evaluate(names["predictions"])
    assert names["some"].count() <= 3
    assert names["lists"].count() == 80


@pytest.mark.parametrize("entry", registry.MODELS, ids=registry.NAMES)
def test_every_model_is_named(entry: registry.Entry) -> None:
    name = entry.estimator.partition(":")[2]
    assert f"`{name}`" in (ROOT / "docs/library.md").read_text()
    assert getattr(ymr_spark, name) is registry.imported(entry.estimator)


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(AttributeError, match="no attribute Nonsense"):
        ymr_spark.Nonsense  # noqa: B018
