"""HDFS: a NameNode and a DataNode."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import hadoop
from servers.hadoop import Hadoop
from servers.processes import HOST, free_ports, running, wait_until

_SERVER = "org.apache.hadoop.hdfs.server"


@contextmanager
def serve(folder: Path) -> Iterator[Hadoop]:
    """A file system with all its files in the folder, once its DataNode has joined."""
    port, page = free_ports(2)
    served = Hadoop(f"hdfs://{HOST}:{port}", folder / "conf")
    served.conf.mkdir()
    root = {"fs.defaultFS": served.url, "hadoop.tmp.dir": folder / "scratch"}
    hadoop.write(served.conf / "core-site.xml", root)
    hadoop.write(served.conf / "hdfs-site.xml", _site(folder, page))
    name_node = hadoop.java(served.conf, f"{_SERVER}.namenode.NameNode")
    data_node = hadoop.java(served.conf, f"{_SERVER}.datanode.DataNode")
    subprocess.run([*name_node, "-format"], check=True, capture_output=True)
    with (
        running(name_node, folder / "name.log") as names,
        running(data_node, folder / "data.log") as data,
    ):
        wait_until(lambda: _joined(page), names, data, logs=folder)
        yield served


def _site(folder: Path, page: int) -> dict[str, object]:
    return {
        "dfs.replication": 1,
        "dfs.namenode.name.dir": (folder / "names").as_uri(),
        "dfs.datanode.data.dir": (folder / "data").as_uri(),
        "dfs.namenode.http-address": f"{HOST}:{page}",
        "dfs.datanode.address": f"{HOST}:0",
        "dfs.datanode.http.address": f"{HOST}:0",
        "dfs.datanode.ipc.address": f"{HOST}:0",
        # The machine's own name may lead nowhere.
        "dfs.datanode.hostname": "localhost",
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
    }


def _joined(page: int) -> bool:
    state = hadoop.told(page, "NameNode", "FSNamesystemState")
    return state.get("FSState") == "Operational" and state["NumLiveDataNodes"] == 1
