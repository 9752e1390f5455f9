"""Every summary table against DuckDB and NumPy on the raw files themselves."""

from typing import Any

import duckdb
import numpy as np
import pytest
from pyspark.sql import SparkSession

from ymr_spark.pipeline.warehouse import Warehouse

SPLITS = {
    "train": "split = 'train'",
    "validation": "split = 'validation'",
    "test": "split = 'test'",
    "train_files": "split <> 'test'",
}
JOINED = ("rating", "genre_id", "parent_genre_id", "level", "user_activity", "song_popularity")


@pytest.fixture(scope="module")
def oracle(spark: SparkSession, summarized: Warehouse) -> duckdb.DuckDBPyConnection:
    """`rated`: the raw lines with split, genre, activity and popularity, one row a rating.

    Which of the train lines are held out is the only thing taken from the tables.
    """
    held_out = summarized.read(spark, "ratings").where("split = 'validation'").toArrow()
    connection = duckdb.connect()
    connection.register("held_out", held_out)
    for name, columns in (
        ("train_0", "user_id, song_id, rating"),
        ("test_0", "user_id, song_id, rating"),
        ("song-attributes", "song_id, album_id, artist_id, genre_id"),
        ("genre-hierarchy", "genre_id, parent_genre_id, level, name"),
    ):
        file = summarized.raw / f"{name}.txt"
        connection.execute(
            f"CREATE TABLE \"{name}\" AS SELECT * FROM read_csv('{file}', delim='\\t', "
            f"header=false, names=[{', '.join(repr(c.strip()) for c in columns.split(','))}])"
        )
    connection.execute("""
        CREATE TABLE genres AS
        WITH RECURSIVE up AS (
            SELECT *, genre_id AS top_genre_id FROM "genre-hierarchy" WHERE level = 1
            UNION ALL
            SELECT g.*, up.top_genre_id FROM "genre-hierarchy" g
            JOIN up ON g.parent_genre_id = up.genre_id AND g.genre_id <> up.genre_id
        ) SELECT * FROM up;
        CREATE TABLE rated AS
        WITH lines AS (
            SELECT t.*, if(h.user_id IS NULL, 'train', 'validation') AS split
            FROM train_0 t LEFT JOIN held_out h USING (user_id, song_id)
            UNION ALL SELECT *, 'test' FROM test_0
        )
        SELECT lines.*, s.genre_id, g.parent_genre_id, g.level, g.top_genre_id, g.name,
            (SELECT count(*) FROM train_0 t WHERE t.user_id = lines.user_id) AS user_activity,
            (SELECT count(*) FROM train_0 t WHERE t.song_id = lines.song_id) AS song_popularity
        FROM lines JOIN "song-attributes" s USING (song_id) JOIN genres g USING (genre_id);
    """)
    return connection


def found(spark: SparkSession, warehouse: Warehouse, table: str, split: str) -> list[Any]:
    rows = warehouse.read(spark, table).where(f"split = '{split}'").drop("split").collect()
    return sorted(map(tuple, rows), key=repr)


def agree(left: list[Any], right: list[Any]) -> None:
    """The same rows; numbers to 1e-9 of their size."""
    right = sorted(map(tuple, right), key=repr)
    assert len(left) == len(right) > 0
    for a, b in zip(left, right, strict=True):
        for x, y in zip(a, b, strict=True):
            assert x == (pytest.approx(y, rel=1e-9) if isinstance(y, float) else y)


@pytest.mark.parametrize("split", SPLITS)
def test_describe_values_and_genres(
    spark: SparkSession, summarized: Warehouse, oracle: duckdb.DuckDBPyConnection, split: str
) -> None:
    chosen = f"(SELECT * FROM rated WHERE {SPLITS[split]})"
    described = [
        oracle.execute(
            f"SELECT '{c}', count(*), avg({c}), stddev_samp({c}), min({c})::DOUBLE, "
            f"quantile_cont({c}, 0.25), quantile_cont({c}, 0.5), quantile_cont({c}, 0.75), "
            f"max({c})::DOUBLE FROM {chosen}"
        ).fetchall()[0]
        for c in JOINED[:4]
    ]
    agree(found(spark, summarized, "summary_columns", split), described)
    values = [
        row
        for c in ("rating", "level")
        for row in oracle.execute(
            f"SELECT '{c}', {c}, count(*), count(*) / sum(count(*)) OVER () "
            f"FROM {chosen} GROUP BY {c}"
        ).fetchall()
    ]
    agree(found(spark, summarized, "summary_values", split), values)
    sizes = [
        row
        for grain, key, kept in (("own", "genre_id", "true"), ("top", "top_genre_id", "level = 1"))
        for row in oracle.execute(f"""
            SELECT '{grain}', genre_id, parent_genre_id, top_genre_id, level, name,
                (SELECT count(*) FROM "song-attributes" s JOIN genres o USING (genre_id)
                 WHERE o.{key} = g.genre_id),
                (SELECT count(*) FROM {chosen} r WHERE r.{key} = g.genre_id),
                (SELECT avg(rating) FROM {chosen} r WHERE r.{key} = g.genre_id)
            FROM genres g WHERE {kept}""").fetchall()
    ]
    agree(found(spark, summarized, "summary_genres", split), sizes)
    top = oracle.execute(f"""
        SELECT rating, row_number() OVER (PARTITION BY rating ORDER BY count(*) DESC, genre_id) k,
            genre_id, name, count(*) FROM {chosen} GROUP BY rating, genre_id, name
        QUALIFY k <= 10""").fetchall()
    agree(found(spark, summarized, "summary_top_genres", split), top)


@pytest.mark.parametrize("split", SPLITS)
def test_correlations(
    spark: SparkSession, summarized: Warehouse, oracle: duckdb.DuckDBPyConnection, split: str
) -> None:
    columns = ", ".join(JOINED)
    rows = oracle.execute(f"SELECT {columns} FROM rated WHERE {SPLITS[split]}").fetchall()
    matrix = np.corrcoef(np.array(rows, float).T)
    expected = [(a, b, matrix[i, j]) for i, a in enumerate(JOINED) for j, b in enumerate(JOINED)]
    rows_found = found(spark, summarized, "summary_correlations", split)
    assert {row[:2]: pytest.approx(row[2], abs=1e-9) for row in rows_found} == {
        (a, b): r for a, b, r in expected
    }


@pytest.mark.parametrize("split", SPLITS)
def test_tails_and_lean(
    spark: SparkSession, summarized: Warehouse, oracle: duckdb.DuckDBPyConnection, split: str
) -> None:
    tails, concentration = [], []
    for side in ("user", "song"):
        counts = oracle.execute(
            f"SELECT count(*) FROM rated WHERE {SPLITS[split]} GROUP BY {side}_id"
        ).fetchnumpy()["count_star()"]
        sizes, members = np.unique(counts, return_counts=True)
        tails += [(side, int(n), int(m)) for n, m in zip(sizes, members, strict=True)]
        # Gini by its definition: the mean difference of all pairs over twice the mean.
        gini = np.abs(counts[:, None] - counts[None]).mean() / (2 * counts.mean())
        top = np.sort(counts)[::-1][: -(-len(counts) // 100)].sum() / counts.sum()
        summed = len(counts), int(counts.sum()), float(counts.mean()), float(np.median(counts))
        concentration.append((side, *summed, int(counts.max()), float(gini), float(top)))
    agree(found(spark, summarized, "summary_tails", split), tails)
    agree(found(spark, summarized, "summary_concentration", split), concentration)
    lean = [
        row
        for r in (1, 5)
        for row in oracle.execute(f"""
            SELECT {r}, percent, count(*) FROM (
                SELECT (100 * count_if(rating = {r})) // count(*) AS percent
                FROM rated WHERE {SPLITS[split]} GROUP BY user_id) GROUP BY percent""").fetchall()
    ]
    agree(found(spark, summarized, "summary_lean", split), lean)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_counts_of_each_user_song_and_genre(
    spark: SparkSession, summarized: Warehouse, oracle: duckdb.DuckDBPyConnection, split: str
) -> None:
    stars = "[" + ", ".join(f"count_if(rating = {r})" for r in range(1, 6)) + "]"
    for table, key, more in (
        ("summary_users", "user_id", ""),
        ("summary_songs", "song_id", ", sum(user_activity)::BIGINT"),
    ):
        expected = oracle.execute(
            f"SELECT {key}, {stars} {more} FROM rated WHERE {SPLITS[split]} GROUP BY {key}"
        ).fetchall()
        agree(found(spark, summarized, table, split), expected)
    cells = "rating, genre_id, parent_genre_id, level, top_genre_id, name"
    expected = oracle.execute(
        f"SELECT {cells}, count(*) FROM rated WHERE {SPLITS[split]} GROUP BY ALL"
    ).fetchall()
    agree(found(spark, summarized, "summary_genre_ratings", split), expected)
