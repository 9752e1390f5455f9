"""The servers as fixtures: each is started once, and only where a test asks for it."""

from collections.abc import Iterator

import pytest

from servers import hdfs, s3, yarn
from servers.hadoop import Hadoop
from servers.jars import MINICLUSTER
from servers.processes import within
from servers.s3 import S3Server
from ymr_spark.runtime.jars import S3, install


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("s3")
    with s3.serve(folder) as server:
        yield server
    assert not within(folder)


@pytest.fixture(scope="session")
def s3_class_path() -> str:
    """What a JVM needs on its class path, before it starts, for s3a://."""
    install(S3)
    return S3.class_path


@pytest.fixture(scope="session")
def hdfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hadoop]:
    install(MINICLUSTER)
    folder = tmp_path_factory.mktemp("hdfs")
    with hdfs.serve(folder) as server:
        yield server
    assert not within(folder)


@pytest.fixture(scope="session")
def yarn_server(hdfs_server: Hadoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hadoop]:
    folder = tmp_path_factory.mktemp("yarn")
    with yarn.serve(folder, hdfs_server) as server:
        yield server
    assert not within(folder)
