"""What `ingest` and `summarize` are about, as queries to DuckDB.

It neither has a quarantine nor draws validation rows, nor does it know of genres.
"""

import tempfile
from pathlib import Path

from bench.rivals import rows
from bench.rivals.rows import Result
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.sources.r2 import files

_COLUMNS = "{'user_id': 'INTEGER', 'song_id': 'INTEGER', 'rating': 'TINYINT'}"
_MEAN = "count(*) AS ratings, avg(rating) AS mean"
_SUMMARIES = (
    f"split, {_MEAN}, stddev(rating), min(rating), max(rating), "
    "quantile_cont(rating, [0.25, 0.5, 0.75]) FROM ratings GROUP BY split",
    "split, rating, count(*) FROM ratings GROUP BY split, rating",
    f"split, user_id, {_MEAN} FROM ratings GROUP BY split, user_id",
    f"split, song_id, {_MEAN} FROM ratings GROUP BY split, song_id",
)


def compete_ingest(warehouse: Warehouse, _: Settings) -> Result:
    """The raw text to Parquet, by split, and the pairs that are there more than once."""
    text = " UNION ALL ".join(
        f"SELECT *, '{split}' AS split FROM read_csv({_listed(paths)}, delim='\t', header=false, "
        f"columns={_COLUMNS})"
        for split, paths in _raw(Path(str(warehouse.raw))).items()
    )
    with tempfile.TemporaryDirectory() as folder:
        queries = [
            f"COPY ({text}) TO '{folder}/ratings' (FORMAT parquet, PARTITION_BY split)",
            f"SELECT user_id, song_id FROM '{folder}/ratings/*/*.parquet' "
            "GROUP BY user_id, song_id HAVING count(*) > 1",
        ]
        seconds = rows.timed(lambda: _run(queries, folder))[1]
    return Result("DuckDB, with a search for duplicates", seconds)


def compete_summarize(warehouse: Warehouse, _: Settings) -> Result:
    """Counts, means and quartiles of all, of users and of songs, from the ratings' Parquet."""
    everything = _listed(rows.files(warehouse, "train", "validation", "test"))
    with tempfile.TemporaryDirectory() as folder:
        source = f"read_parquet({everything}, hive_partitioning=true)"
        queries = [f"CREATE VIEW ratings AS SELECT * FROM {source}"]
        queries += [
            f"COPY (SELECT {query}) TO '{folder}/{number}.parquet'"
            for number, query in enumerate(_SUMMARIES)
        ]
        seconds = rows.timed(lambda: _run(queries, folder))[1]
    return Result("DuckDB", seconds)


def _run(queries: list[str], folder: str) -> None:
    import duckdb

    with duckdb.connect() as database:
        database.execute(f"SET temp_directory = '{folder}/spilled'")
        database.execute("SET preserve_insertion_order = false")
        for query in queries:
            database.execute(query).fetchall()


def _raw(folder: Path) -> dict[str, list[str]]:
    parts = files.find(folder).parts
    return {
        "train": [str(part.train.path) for part in parts],
        "test": [str(part.test.path) for part in parts],
    }


def _listed(paths: list[str]) -> str:
    quoted = (path.replace("'", "''") for path in paths)
    return "[" + ", ".join(f"'{path}'" for path in quoted) + "]"
