"""The cores that there are, and those that are still to come."""

from typing import Any

import pytest
from pyspark import SparkConf

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.runtime import barrier, cores


class Cluster:
    """What a session tells of one that has two cores so far."""

    defaultParallelism = 2  # noqa: N815

    def __init__(self, **properties: str) -> None:
        named = {f"spark.{key.replace('_', '.')}": value for key, value in properties.items()}
        self.properties = SparkConf(loadDefaults=False).setAll([*named.items()])

    @property
    def sparkContext(self) -> "Cluster":  # noqa: N802
        return self

    def getConf(self) -> SparkConf:  # noqa: N802
        return self.properties


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        ({}, 2),
        ({"executor_instances": "8", "executor_cores": "4"}, 32),
        ({"executor_instances": "1"}, 2),
        ({"dynamicAllocation_maxExecutors": "3", "executor_cores": "4"}, 12),
    ],
)
def test_executors_that_are_asked_for_count(properties: dict[str, str], found: int) -> None:
    asked: Any = Cluster(**properties)
    assert cores.parallelism(asked) == found


def test_workers_together_and_executors_that_come_and_go() -> None:
    asked: Any = Cluster(executor_instances="4", dynamicAllocation_enabled="true")
    with pytest.raises(EnvironmentProblem, match=r"dynamicAllocation\.enabled=false"):
        barrier.require(asked, 2)
    barrier.require(Cluster(executor_instances="4"), 4)  # type: ignore[arg-type]
