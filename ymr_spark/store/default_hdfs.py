"""The HDFS of a URI without a host: that of Hadoop's settings, where not all look who read one."""

import os
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree


def authority() -> str:
    """The host and port, or the name, of the cluster.

    Raises:
        ValueError: there are no such settings, or they are not of HDFS.
    """
    folder, told = os.environ.get("HADOOP_CONF_DIR"), ""
    with suppress(OSError, ElementTree.ParseError):
        for entry in ElementTree.parse(Path(folder or "/", "core-site.xml")).iterfind("property"):
            if entry.findtext("name") == "fs.defaultFS":
                told = entry.findtext("value", "").strip()
    scheme, _, rest = told.partition("://")
    found = rest.partition("/")[0]
    if scheme != "hdfs" or not found:
        raise ValueError(
            "expected hdfs://HOST:PORT/FOLDER: without a host fs.defaultFS in core-site.xml of "
            f"HADOOP_CONF_DIR ({folder}) is to be of HDFS, found {told or None}"
        )
    return found
