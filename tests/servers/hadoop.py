"""What the servers of Hadoop have in common: settings in a folder, and a JVM for each."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyspark

from servers.jars import MINICLUSTER
from servers.processes import HOST, answer
from ymr_spark import shipped

_CLIENT = Path(pyspark.__file__).parent / "jars"


@dataclass(frozen=True)
class Hadoop:
    """The address of its file system, and the folder of settings by which clients find it all."""

    url: str
    conf: Path

    @property
    def environ(self) -> dict[str, str]:
        """What Spark and other clients read of the environment."""
        return {"HADOOP_CONF_DIR": str(self.conf)}


def write(path: Path, properties: Mapping[str, object]) -> None:
    """A file of settings in Hadoop's form."""
    lines = [
        f"<property><name>{name}</name><value>{escape(str(value))}</value></property>"
        for name, value in properties.items()
    ]
    path.write_text("\n".join(["<configuration>", *lines, "</configuration>", ""]))


def java(conf: Path, main: str) -> list[str]:
    """The command that runs one of Hadoop's main classes by the settings in `conf`."""
    return [
        str(java_home() / "bin" / "java"),
        # For minutes and few requests: the second compiler and further threads cost more.
        *("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
        # YARN's pages are made of classes that it defines itself.
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
        f"-Dlog4j2.configurationFile={shipped.CONF / 'log4j2.properties'}",
        *("-cp", f"{conf}:{MINICLUSTER.class_path}:{_CLIENT}/*"),
        main,
    ]


def told(page: int, service: str, name: str) -> dict[str, Any]:
    """What a server's page tells of itself under that name; nothing yet, while it starts."""
    said = answer(f"http://{HOST}:{page}/jmx?qry=Hadoop:service={service},name={name}")
    beans: list[dict[str, Any]] = json.loads(said)["beans"] if said else []
    return beans[0] if beans else {}


def java_home() -> Path:
    """The folder of the Java that Spark takes, too."""
    if home := os.environ.get("JAVA_HOME"):
        return Path(home)
    return Path(shutil.which("java") or "/usr/bin/java").resolve().parent.parent
