"""A folder of each kind of place where data may lie, empty and of the test's own."""

from pathlib import Path

import pytest
from servers.hadoop import Hadoop
from servers.s3 import S3Server

from ymr_spark.store import remote
from ymr_spark.store.locations import Location
from ymr_spark.store.remote import Remote


def remote_folder(
    kind: str, name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Remote:
    if kind == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        for variable, value in server.environ.items():
            monkeypatch.setenv(variable, value)
        bucket = Remote.of(f"s3://{server.bucket}")
        (bucket / "first").write_bytes(b"")  # the server makes room, which takes it seconds
        return bucket / name
    hadoop: Hadoop = request.getfixturevalue("hdfs_server")
    return Remote.of(f"{hadoop.url}/{name}")


@pytest.fixture(params=["s3", "hdfs"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Remote:
    name = f"{request.node.name.split('[')[0]} é"
    remote._file_system.cache_clear()
    return remote_folder(request.param, name, request, monkeypatch)


@pytest.fixture(params=["disk", "s3", "hdfs"])
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Location:
    if request.param == "disk":
        return tmp_path / "folder é"
    name = f"{request.node.name.split('[')[0]} é"
    return remote_folder(request.param, name, request, monkeypatch)
