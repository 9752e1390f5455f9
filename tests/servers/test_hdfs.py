"""Python's clients of HDFS, without Hadoop's libraries."""

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from hdfs_native import Client, WriteOptions

from servers.hadoop import Hadoop

MIB = 1 << 20


def test_what_is_written_is_read(hdfs_server: Hadoop) -> None:
    client = Client(hdfs_server.url)
    # Not three of them: it asks for the third without waiting for the first to be reported.
    content, of_blocks = bytes(range(256)) * (3 * MIB // 512), WriteOptions(block_size=MIB)
    with client.create("/folder/of-blocks", of_blocks) as file:
        file.write(content)
    with client.read("/folder/of-blocks") as file:
        assert file.read() == content
    assert [status.path for status in client.list_status("/folder")] == ["/folder/of-blocks"]


def test_what_must_not_be_there_yet_is_created_once(hdfs_server: Hadoop) -> None:
    client, once = Client(hdfs_server.url), WriteOptions(overwrite=False)
    with client.create("/once", once) as file:
        file.write(b"first")
    with pytest.raises(FileExistsError):
        client.create("/once", once)
    with client.read("/once") as file:
        assert file.read() == b"first"


def test_clients_find_it_by_the_environment(
    hdfs_server: Hadoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in hdfs_server.environ.items():
        monkeypatch.setenv(name, value)
    Client().mkdirs("/by-default")
    assert Client(hdfs_server.url).get_file_info("/by-default").isdir


def test_a_delta_table(hdfs_server: Hadoop) -> None:
    url = f"{hdfs_server.url}/table"
    for version in range(2):
        write_deltalake(url, pa.table({"a": [1, 2, 3]}), mode="append")
        assert DeltaTable(url).version() == version
