"""Yahoo! Music R1 and R3, in made-up rows."""

from pathlib import Path

import layouts
import pytest
from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError
from ymr_spark.scale import Scale
from ymr_spark.sources import recognition, yahoo

R1 = "ydata-ymusic-user-artist-ratings-v1_0.txt"
NAMES = "ydata-ymusic-artist-names-v1_0.txt"
R3 = "ydata-ymusic-rating-study-v1_0-{}.txt"


def test_r1_has_artists_and_never_again_is_the_lowest(spark: SparkSession, tmp_path: Path) -> None:
    ratings = "1\t1000125\t90\n1\t-99\t255\n2\t1000125\t0\n2\t1000006\t101\n"
    names = "-99\tUnknown Artist\n1000125\tBjörk\n1000006\tA \tB\n"
    folder = layouts.written(tmp_path, {f"r1/{R1}": ratings, f"r1/{NAMES}": names}, "cp1252")
    assert recognition.recognized(folder) == "yahoo-r1"
    found = layouts.audited(layouts.opened(spark, folder))
    assert found.scale == Scale(0, 100, 1)
    assert [row[:3] for row in layouts.rows(found)] == [
        ("1", "-99", 0.0),
        ("1", "1000125", 90.0),
        ("2", "1000125", 0.0),
    ]
    assert found.counts.quarantined == {"rating_off_the_scale": 1}
    titles = {row["id"]: row["title"] for row in found.items.names.to_pylist()}
    assert titles == {"-99": "Unknown Artist", "1000006": "A B", "1000125": "Björk"}


def test_r3_says_itself_what_is_test(spark: SparkSession, tmp_path: Path) -> None:
    train, test = "1\t14\t5\n1\t35\t1\n2\t14\t3\n", "1\t99\t2\n"
    files = {R3.format("train"): train, R3.format("test"): test}
    folder = layouts.written(tmp_path, files)
    assert recognition.recognized(folder) == "yahoo-r3"
    raw = layouts.opened(spark, folder)
    assert raw.split
    found = layouts.audited(raw)
    assert [(*row[:3], row[4]) for row in layouts.rows(found)] == [
        ("1", "14", 5.0, False),
        ("1", "35", 1.0, False),
        ("1", "99", 2.0, True),
        ("2", "14", 3.0, False),
    ]
    assert found.scale == Scale(1, 5, 1)


def test_r3_without_its_test_is_none(spark: SparkSession, tmp_path: Path) -> None:
    layouts.written(tmp_path, {R3.format("train"): "1\t14\t5\n"})
    with pytest.raises(DataContractError, match="test"):
        yahoo.opened_r3(spark, tmp_path)
    with pytest.raises(DataContractError, match=R1):
        yahoo.opened_r1(spark, tmp_path)
