"""One Spark session for the whole suite, and a warehouse of its own for each test."""

import logging
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import told
from on_disk import Warehouse
from pyspark.sql import SparkSession
from raw_files import ratings, write

from jobs import ingest, summarize
from ymr_spark.pipeline.settings import Settings
from ymr_spark.runtime import session

pytest_plugins = ("servers.fixtures",)
# The same examples every time; to look for others: --hypothesis-profile=default.
hypothesis.settings.register_profile(
    "repeatable", derandomize=True, deadline=None, database=None, max_examples=50
)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def no_log_of_another_test() -> Iterator[None]:
    """A job's main logs to the stderr of its time, which is closed later."""
    yield
    for handler in logging.root.handlers[:]:
        if type(handler) is logging.StreamHandler:
            logging.root.removeHandler(handler)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    session_ = session.build("tests", Path(__file__).parent / "spark.conf")
    session_.sparkContext.setCheckpointDir(str(tmp_path_factory.mktemp("checkpoints")))
    yield session_
    session_.stop()


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "ware house, é 100 %", tmp_path / "raw")


@pytest.fixture(scope="session")
def summarized(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A summarized warehouse: light and heavy users, a song that nobody rated."""
    root = tmp_path_factory.mktemp("summaries")
    light, heavy = ratings(150, 12, seed=1), ratings(30, 200, seed=2, first_user=150)
    write(root / "raw", b"".join(light[0] + heavy[0]), b"".join(light[1] + heavy[1]))
    warehouse = Warehouse(root, root / "raw")
    told.write(warehouse, "ingest", ingest.run(spark, warehouse, Settings()))
    told.packed(spark, warehouse)
    summarize.run(spark, warehouse, Settings())
    return warehouse
