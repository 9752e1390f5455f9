"""What Spark's Python workers find on their path."""

import gc
import os
import socket
import sys
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

from ymr_spark.runtime.daemon import acknowledging, without_archives

PACKAGES = str(Path(pyspark.__file__).parent.parent)


def test_workers_read_no_archives_of_sparks(spark: SparkSession) -> None:
    one = spark.sparkContext.parallelize([0], 1)
    found, module, frozen = one.map(
        lambda _: (sys.path, pyspark.__file__, gc.get_freeze_count())
    ).first()
    assert not [path for path in found if path.startswith(os.environ["SPARK_HOME"])]
    assert module == pyspark.__file__
    assert frozen > 10_000


def test_others_archives_are_left(tmp_path: Path) -> None:
    archives = [tmp_path / "of spark" / "pyspark.zip", tmp_path / "mine.zip"]
    for archive in archives:
        archive.parent.mkdir(exist_ok=True)
        archive.touch()
    paths = ["", *map(str, archives), "/no/such", PACKAGES]
    assert without_archives(paths, str(archives[0].parent)) == ["", paths[2], "/no/such", PACKAGES]
    assert without_archives(paths, "") == paths


def test_archives_are_left_where_spark_is_not_installed(tmp_path: Path) -> None:
    archive = tmp_path / "pyspark.zip"
    archive.touch()
    assert without_archives([str(archive), "/no/such"], str(tmp_path)) == [str(archive), "/no/such"]


def test_a_task_begins_with_the_files_that_it_is_given() -> None:
    told = []
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()) as mine:
        files = mine.makefile("rb"), mine.makefile("wb")
        acknowledging(lambda *files: told.append(files))(*files)
        assert not files[0].closed
        assert mine.fileno() >= 0
    assert told == [files]
