"""How Spark's Python workers are started."""

import gc
import io
import os
import socket
import sys
import weakref
from pathlib import Path
from typing import BinaryIO

import pyspark
import pytest
from pyspark import daemon, worker
from pyspark.sql import SparkSession

from ymr_spark.runtime.daemon import acknowledging, settling, without_archives

PACKAGES = str(Path(pyspark.__file__).parent.parent)


def test_workers_read_no_archives_of_sparks(spark: SparkSession) -> None:
    one = spark.sparkContext.parallelize([0], 1)
    found, module = one.map(lambda _: (sys.path, pyspark.__file__)).first()
    assert not [path for path in found if path.startswith(os.environ["SPARK_HOME"])]
    assert module == pyspark.__file__


def test_workers_begin_with_what_they_need(spark: SparkSession) -> None:
    one = spark.sparkContext.parallelize([0], 1)
    frozen, begun_by_us = one.map(
        lambda _: (gc.get_freeze_count(), daemon.worker_main is not worker.main)
    ).first()
    assert frozen > 10_000
    assert begun_by_us


def test_workers_keep_what_they_free(spark: SparkSession) -> None:
    def faults(_: int) -> int:
        import resource

        import numpy as np

        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            np.ones(2_000_000)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    pages = 2_000_000 * 8 // 4096
    assert spark.sparkContext.parallelize([0], 1).map(faults).first() < pages / 10


def test_what_a_task_leaves_is_looked_through_once() -> None:
    kept: list[object] = []

    class Thing:
        """Something that can be referred to weakly."""

    def work(*_: BinaryIO) -> None:
        circle: list[object] = [Thing()]
        circle.append(circle)
        kept.extend([weakref.ref(circle[0]), *([i] for i in range(5_000))])

    before = gc.get_freeze_count()
    try:
        settling(work)(io.BytesIO(), io.BytesIO())
        assert gc.get_freeze_count() > before + 5_000
        assert kept[0]() is None  # type: ignore[operator]
    finally:
        gc.unfreeze()


def test_others_archives_are_left(tmp_path: Path) -> None:
    archives = [tmp_path / "of spark" / "pyspark.zip", tmp_path / "mine.zip"]
    for archive in archives:
        archive.parent.mkdir(exist_ok=True)
        archive.touch()
    paths = ["", *map(str, archives), "/no/such", PACKAGES]
    assert without_archives(paths, str(archives[0].parent)) == ["", paths[2], "/no/such", PACKAGES]
    assert without_archives(paths, "") == paths


@pytest.mark.parametrize("linked", ["home", "path"])
def test_archives_of_a_home_by_way_of_a_link_are_left_out(linked: str, tmp_path: Path) -> None:
    archive, link = tmp_path / "spark" / "pyspark.zip", tmp_path / "link"
    archive.parent.mkdir()
    archive.touch()
    link.symlink_to(archive.parent)
    home, path = (link, archive) if linked == "home" else (archive.parent, link / archive.name)
    assert without_archives([str(path), PACKAGES], str(home)) == [PACKAGES]


def test_archives_are_left_where_spark_is_not_installed(tmp_path: Path) -> None:
    archive = tmp_path / "pyspark.zip"
    archive.touch()
    assert without_archives([str(archive), "/no/such"], str(tmp_path)) == [str(archive), "/no/such"]


def test_a_task_says_at_once_that_it_got_its_first_packet() -> None:
    option = socket.IPPROTO_TCP, socket.TCP_QUICKACK
    begun = []
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()) as mine:
        mine.setsockopt(*option, 0)

        def work(*files: BinaryIO) -> None:
            begun.append((files, mine.getsockopt(*option)))

        files = mine.makefile("rb"), mine.makefile("wb")
        acknowledging(work)(*files)
        assert begun == [(files, 1)]
        assert not files[0].closed
        assert mine.fileno() >= 0
