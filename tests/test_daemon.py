"""What Spark's Python workers find on their path."""

import os
import sys
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

from ymr_spark.runtime.daemon import without_archives

PACKAGES = str(Path(pyspark.__file__).parent.parent)


def test_workers_read_no_archives_of_sparks(spark: SparkSession) -> None:
    one = spark.sparkContext.parallelize([0], 1)
    found, module = one.map(lambda _: (sys.path, pyspark.__file__)).first()
    assert not [path for path in found if path.startswith(os.environ["SPARK_HOME"])]
    assert module == pyspark.__file__


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
