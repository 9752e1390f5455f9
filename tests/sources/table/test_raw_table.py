from pathlib import Path

import pytest

from ymr_spark.errors import DataContractError
from ymr_spark.sources.table.raw_table import data_files, form_of


@pytest.mark.parametrize(
    ("names", "form"),
    [
        (["u.data"], "text"),
        (["ratings.CSV"], "text"),
        (["ratings.v2.csv.gz", "ratings.v2.tsv.bz2", "x.txt", "y.dat", "z.tab"], "text"),
        (["part-0.snappy.parquet", "_SUCCESS", ".part-0.snappy.parquet.crc"], "parquet"),
        (["a/year=2020/p.parquet", "a/_temporary/0/p.csv", ".git/x.csv"], "parquet"),
        (["r.json", "s.jsonl.gz", "t.ndjson"], "json"),
        (["p.parquet", "_delta_log/0.json"], "delta"),
    ],
)
def test_the_form_by_the_names_of_files(tmp_path: Path, names: list[str], form: str) -> None:
    for name in names:
        (tmp_path / "t" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "t" / name).touch()
    assert form_of(tmp_path / "t") == form
    if len(names) == 1:
        assert form_of(tmp_path / "t" / names[0]) == form


@pytest.mark.parametrize(
    "names",
    [
        ["ratings.xlsx"],
        ["ratings"],
        ["ratings.csv.zip"],
        ["ratings.gz"],
        ["a.csv", "b.parquet"],
        ["a.csv", "README"],
    ],
)
def test_files_of_no_form_or_of_several(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(DataContractError, match=r"expected files of one kind.*raw\.format"):
        form_of(tmp_path)
    if len(names) == 1:
        with pytest.raises(DataContractError, match=names[0]):
            form_of(tmp_path / names[0])


def test_data_files_are_sorted_and_those_that_are_not_hidden(tmp_path: Path) -> None:
    folder = tmp_path / "_hidden" / ".too"
    for name in ("b.csv", "a/c.csv", "a/.c.csv.crc", "_SUCCESS", "_tmp/d.csv", "x/.y/z/e.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert data_files(folder) == [folder / "a/c.csv", folder / "b.csv"]
    assert data_files(folder / "_SUCCESS") == [folder / "_SUCCESS"]


def test_no_file(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").touch()
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataContractError, match=r"no such file, or no file in it; .*raw\.path"):
            data_files(path)
