"""The Netflix Prize's layouts, in made-up rows."""

from pathlib import Path
from unittest import mock

import layouts
import pytest
from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError
from ymr_spark.scale import Scale
from ymr_spark.sources import netflix, recognition

ONE = "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n"
TWO = "2:\n822109,4,2004-01-01\nnobody\n885013,6,2005-10-19\n"
TITLES = "1,2003,Dinosaur Planet\n2,NULL,Ça, la vie\n"
PROBE = "2:\n822109\n1:\n1488844\n"
ROWS = [
    ("1488844", "1", 3.0, 1125964800, True),
    ("822109", "1", 5.0, 1115942400, False),
    ("822109", "2", 4.0, 1072915200, True),
]
SEPARATE = {"training_set/mv_0000001.txt": ONE, "training_set/mv_0000002.txt": TWO}
TOGETHER = {"combined_data_1.txt": ONE + TWO}


@pytest.mark.parametrize("files", [SEPARATE, TOGETHER], ids=["a file a film", "together"])
def test_ratings_titles_and_probe(
    files: dict[str, str], spark: SparkSession, tmp_path: Path
) -> None:
    all_files = files | {
        "movie_titles.txt": TITLES,
        "probe.txt": PROBE,
        "qualifying.txt": "1:\n9\n",
    }
    folder = layouts.written(tmp_path, all_files, "latin-1")
    assert recognition.recognized(folder) == "netflix-prize"
    found = layouts.audited(layouts.opened(spark, folder))
    assert layouts.rows(found) == ROWS
    assert found.scale == Scale(1, 5, 1)
    assert found.counts.lines == 5
    assert found.counts.quarantined == {"rating_off_the_scale": 1, "wrong_number_of_fields": 1}
    names = [tuple(row.values())[1:] for row in found.items.names.to_pylist()]
    assert names == [
        ("1", "Dinosaur Planet", None, "2003"),
        ("2", "Ça, la vie", None, None),
    ]


def test_without_a_probe_nothing_says_what_is_test(spark: SparkSession, tmp_path: Path) -> None:
    raw = layouts.opened(spark, layouts.written(tmp_path, TOGETHER))
    assert not raw.split
    assert {row[4] for row in layouts.rows(layouts.audited(raw))} == {False}


def test_tasks_begin_with_a_film(spark: SparkSession, tmp_path: Path) -> None:
    films = "".join(f"{film}:\n" + f"7{film},3,2005-09-06\n" * film for film in range(1, 40))
    folder = layouts.written(tmp_path, {"combined_data_1.txt": films})
    with mock.patch.object(netflix, "_TASK_BYTES", 100):
        raw = layouts.opened(spark, folder)
        assert raw.frame.count() > 20
        found = layouts.audited(raw)
    assert found.counts.lines == sum(range(1, 40))
    assert {row[1]: row[0] for row in layouts.rows(found)} == {
        str(film): f"7{film}" for film in range(1, 40)
    }


def test_a_file_without_a_film(spark: SparkSession, tmp_path: Path) -> None:
    folder = layouts.written(tmp_path, {"combined_data_1.txt": "822109,4,2004-01-01\n1:\n"})
    with pytest.raises(Exception, match="expected a film's number and a colon"):
        layouts.audited(layouts.opened(spark, folder))
    with pytest.raises(DataContractError, match=r"combined_data_\*\.txt"):
        netflix.opened(spark, tmp_path / "training_set")
