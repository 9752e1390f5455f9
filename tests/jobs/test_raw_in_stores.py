"""Ratings of other sources than R2 that lie in S3: ingested as from a disk."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from servers.s3 import S3Server
from table_files import COLUMNS, FORMS, as_csv, half_stars

from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.store import locations, scratch

pytestmark = [pytest.mark.slow, pytest.mark.s3, pytest.mark.timeout(300)]
ROOT = Path(__file__).parent.parent.parent
OTHERS = {
    "movielens": {
        "ml/ratings.csv": "userId,movieId,rating,timestamp\n"
        + "".join(f"{u},{u + i},{1 + (u * i) % 5},{u}\n" for u in range(20) for i in range(20)),
        "ml/movies.csv": "movieId,title,genres\n"
        + "".join(f"{i},Film {i} (1999),Action|Drama\n" for i in range(40)),
    },
    "netflix-prize": {
        "np/combined_data_1.txt": "".join(
            f"{film}:\n" + "".join(f"{u},{1 + (u + film) % 5},2005-01-02\n" for u in range(9, 30))
            for film in range(1, 30)
        ),
        "np/movie_titles.csv": "".join(f"{film},2001,Film, {film}\n" for film in range(1, 30)),
    },
}


def ingest(root: str, *settings: str) -> Warehouse:
    settings = (f"warehouse={root}", f"spark_defaults={ROOT / 'tests' / 'spark.conf'}", *settings)
    words = [sys.executable, "jobs/ingest.py", "--conf", "conf/sample.yaml"]
    words += [w for s in settings for w in ("--set", s)]
    done = subprocess.run(words, cwd=ROOT, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    return Warehouse(locations.of(root))


def rows(warehouse: Warehouse, table: str) -> list[dict[str, object]]:
    found: pa.Table = warehouse.load(table)
    return sorted(found.to_pylist(), key=repr)


def assert_same(one: Warehouse, other: Warehouse) -> None:
    for table in ("ratings", "quarantine", "songs", "genres", "user_ids", "song_ids"):
        assert rows(one, table) == rows(other, table), table


def of_table(path: object) -> list[str]:
    columns = ", ".join(f"{ours}: {theirs}" for ours, theirs in COLUMNS.items())
    return ["raw.source=table", f"raw.path={path}", f"raw.columns={{{columns}}}"]


@pytest.fixture(scope="module")
def from_csv(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("csv")
    return ingest(str(folder / "w"), *of_table(as_csv(half_stars(), folder, spark)))


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3_server.environ.items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3_server.bucket}"


@pytest.mark.parametrize("form", FORMS)
def test_a_table_of_any_form(
    form: str, from_csv: Warehouse, bucket: str, spark: SparkSession
) -> None:
    raw = locations.of(f"{bucket}/{form}/raw")
    with scratch.filled(raw) as folder:
        name = FORMS[form](half_stars(), folder, spark).name
    assert_same(ingest(f"{bucket}/{form}/w", *of_table(raw / name)), from_csv)


@pytest.mark.parametrize("source", OTHERS)
def test_the_layout_of_another_source(source: str, bucket: str, tmp_path: Path) -> None:
    found = []
    for root in (tmp_path, locations.of(f"{bucket}/{source}")):
        for name, text in OTHERS[source].items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text.encode())
        folder = (root / next(iter(OTHERS[source]))).parent
        found.append(ingest(f"{root}/w", "raw.source=auto", f"raw.path={folder}"))
    assert len(rows(found[0], "ratings")) > 300
    assert_same(*found)
