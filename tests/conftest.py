"""One Spark session for the whole suite, and a warehouse of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from ymr_spark import session
from ymr_spark.warehouse import Warehouse


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    session_ = session.build("tests", Path(__file__).parent / "spark.conf")
    session_.sparkContext.setCheckpointDir(str(tmp_path_factory.mktemp("checkpoints")))
    yield session_
    session_.stop()


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse", tmp_path / "raw")
