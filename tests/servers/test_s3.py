"""The object store refuses what a real one refuses, and clients find it by the environment."""

from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pyarrow as pa
import pytest
import s3fs
from botocore.exceptions import ClientError
from deltalake import DeltaTable, write_deltalake

from servers import s3
from servers.processes import HOST, within
from servers.s3 import S3Server


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_wrong_keys_are_refused(s3_server: S3Server) -> None:
    with pytest.raises(ClientError) as refused:
        s3.client(s3_server, secret_key="wrong").list_objects_v2(Bucket=s3_server.bucket)
    assert code(refused) == "SignatureDoesNotMatch"
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"{s3_server.endpoint}/{s3_server.bucket}")


def test_a_bucket_that_nobody_made(s3_server: S3Server) -> None:
    with pytest.raises(ClientError) as refused:
        s3.client(s3_server).put_object(Bucket="no-such-bucket", Key="a", Body=b"")
    assert code(refused) == "NoSuchBucket"


def test_what_must_not_be_there_yet_is_put_once(s3_server: S3Server) -> None:
    client, there = s3.client(s3_server), {"Bucket": s3_server.bucket, "Key": "once"}
    client.put_object(**there, Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        client.put_object(**there, Body=b"second", IfNoneMatch="*")
    assert code(refused) == "PreconditionFailed"
    assert client.get_object(**there)["Body"].read() == b"first"


def test_clients_find_it_by_the_environment(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environ.items():
        monkeypatch.setenv(name, value)
    url = f"s3://{s3_server.bucket}/table"
    write_deltalake(url, pa.table({"a": [1, 2, 3]}))
    assert DeltaTable(url).version() == 0
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    assert [Path(name).suffix for name in files.ls(url, detail=False)] == ["", ".parquet"]


def test_it_listens_on_loopback_alone_and_leaves_nothing(tmp_path: Path) -> None:
    with s3.serve(tmp_path, "other"):
        (process,) = within(tmp_path)
        listening = [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert {connection.laddr.ip for connection in listening} == {HOST}
        sockets = [Path(str(c.laddr)) for c in process.net_connections("unix") if c.laddr]
    assert not within(tmp_path)
    assert len(sockets) > 4
    assert not [path for path in sockets if path.is_absolute() and path.exists()]
