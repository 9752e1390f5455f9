"""Spark's daemon of Python workers, for where Spark and this package are installed.

    spark.python.daemon.module   ymr_spark.runtime.daemon

Spark puts itself on its workers' path as archives, and has every task read through these again: a
twentieth of a second each. Without them its workers find it among the installed packages.
"""

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path


def without_archives(paths: list[str], spark_home: str) -> list[str]:
    """The paths but Spark's own archives; all of them where pyspark is in none of the others."""
    others = [
        path
        for path in paths
        if not (spark_home and Path(path).is_file() and Path(path).is_relative_to(spark_home))
    ]
    return others if PathFinder.find_spec("pyspark", others) else paths


if __name__ == "__main__":
    sys.path[:] = without_archives(sys.path, os.environ.get("SPARK_HOME", ""))
    sys.path_importer_cache.clear()
    from pyspark.daemon import manager

    manager()  # type: ignore[no-untyped-call]
