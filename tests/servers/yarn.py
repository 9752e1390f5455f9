"""YARN: a ResourceManager and a NodeManager, with a file system of their own or another's."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import hadoop
from servers.hadoop import Hadoop
from servers.processes import HOST, free_ports, running, wait_until

_SERVER = "org.apache.hadoop.yarn.server"
_OF_MANAGER = ("address", "scheduler.address", "resource-tracker.address", "admin.address")
_PAGE = "webapp.address"


@contextmanager
def serve(folder: Path, hdfs: Hadoop) -> Iterator[Hadoop]:
    """YARN beside that file system, once its NodeManager has joined.

    The containers' logs are below `containers` in the folder.
    """
    served = Hadoop(hdfs.url, folder / "conf")
    shutil.copytree(hdfs.conf, served.conf)
    manager = dict(zip((*_OF_MANAGER, _PAGE), free_ports(len(_OF_MANAGER) + 1), strict=True))
    hadoop.write(served.conf / "yarn-site.xml", _site(folder, manager))
    hadoop.write(served.conf / "capacity-scheduler.xml", _QUEUES)
    environ = os.environ | served.environ | {"JAVA_HOME": str(hadoop.java_home())}
    resource_manager = hadoop.java(served.conf, f"{_SERVER}.resourcemanager.ResourceManager")
    node_manager = hadoop.java(served.conf, f"{_SERVER}.nodemanager.NodeManager")
    with (
        running(resource_manager, folder / "resources.log", environ) as resources,
        running(node_manager, folder / "node.log", environ) as node,
    ):
        wait_until(lambda: _joined(manager[_PAGE]), resources, node, logs=folder)
        yield served


def _site(folder: Path, manager: dict[str, int]) -> dict[str, object]:
    ports = {f"yarn.resourcemanager.{key}": f"{HOST}:{port}" for key, port in manager.items()}
    return ports | {
        "yarn.nodemanager.hostname": HOST,
        "yarn.nodemanager.localizer.address": f"{HOST}:0",
        "yarn.nodemanager.webapp.address": f"{HOST}:0",
        "yarn.nodemanager.local-dirs": folder / "local",
        "yarn.nodemanager.log-dirs": folder / "containers",
        "yarn.nodemanager.env-whitelist": "JAVA_HOME,HADOOP_CONF_DIR,PATH,LANG,TZ",
        "yarn.nodemanager.resource.memory-mb": 4096,
        "yarn.nodemanager.resource.cpu-vcores": 4,
        "yarn.scheduler.minimum-allocation-mb": 256,
        # Python reserves more addresses than it uses; a disk that is fuller than 90 % will do.
        "yarn.nodemanager.vmem-check-enabled": "false",
        "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": 99,
    }


_QUEUES = {
    "yarn.scheduler.capacity.root.queues": "default",
    "yarn.scheduler.capacity.root.default.capacity": 100,
    # Of the memory, for drivers.
    "yarn.scheduler.capacity.maximum-am-resource-percent": 0.9,
}


def _joined(page: int) -> bool:
    metrics = hadoop.told(page, "ResourceManager", "ClusterMetrics")
    return bool(metrics.get("NumActiveNMs"))
