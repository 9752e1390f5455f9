"""Spark's daemon of Python workers, for where Spark and this package are installed.

    spark.python.daemon.module       ymr_spark.runtime.daemon

Every stage that runs Python costs some tenths of a second less by it.
"""

import gc
import os
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from typing import BinaryIO

# What our workers import: once here, instead of in each of them.
_NEEDED = (
    *("numpy", "pandas", "pyarrow.compute", "pyspark.sql.pandas.serializers"),
    *("pyarrow.dataset", "scipy.sparse", "ymr_spark.store.parquet"),
)

Work = Callable[[BinaryIO, BinaryIO], None]


def without_archives(paths: list[str], spark_home: str) -> list[str]:
    """The paths but Spark's own archives, which each task would read through; all of them where
    pyspark is in none of the others.
    """
    home = Path(spark_home).resolve()
    others = [
        path
        for path in paths
        # Either may be named by way of a link: an environment often is one.
        if not (spark_home and Path(path).is_file() and Path(path).resolve().is_relative_to(home))
    ]
    return others if PathFinder.find_spec("pyspark", others) else paths


def acknowledging(work: Work) -> Work:
    """A task's work, which says at once that it has got its first packet.

    The JVM holds its second one back until then, and Linux would wait for 40 ms.
    """

    def begin(infile: BinaryIO, outfile: BinaryIO) -> None:
        with socket.socket(fileno=os.dup(infile.fileno())) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        work(infile, outfile)

    return begin


def settling(work: Work) -> Work:
    """A task's work, after which what it has left is looked through once and then let be: a worker
    collects garbage after each task, and would look through all that it has imported again."""

    def begin(infile: BinaryIO, outfile: BinaryIO) -> None:
        try:
            work(infile, outfile)
        finally:
            gc.collect()
            gc.freeze()

    return begin


def main() -> None:
    """Fork workers until Spark says to end."""
    sys.path[:] = without_archives(sys.path, os.environ.get("SPARK_HOME", ""))
    sys.path_importer_cache.clear()
    import pyarrow as pa
    from pyspark import daemon

    from ymr_spark.runtime import heap

    heap.keep_freed()
    for module in _NEEDED:
        import_module(module)
    # Arrow's own would give its memory back, and be given cleared pages again.
    pa.set_memory_pool(pa.system_memory_pool())
    gc.freeze()
    daemon.worker_main = settling(daemon.worker_main)
    if hasattr(socket, "TCP_QUICKACK"):
        daemon.worker_main = acknowledging(daemon.worker_main)
    daemon.manager()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
