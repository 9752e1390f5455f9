"""Ratings by value, level and genre, all from one small cube (split, genre_id, rating)."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from ymr_spark.scale import Scale
from ymr_spark.statistics.scans import with_train_files

DESCRIBED = ("rating", "genre_id", "parent_genre_id", "level")
QUARTILES = (0.25, 0.5, 0.75)


def cube(song_counts: DataFrame, songs: DataFrame, genres: DataFrame, scale: Scale) -> DataFrame:
    """One row per (split, genre_id, rating) with count and the genre's place in the hierarchy."""
    counts = (
        song_counts.select("split", "song_id", F.posexplode("counts").alias("place", "count"))
        .where("count > 0")
        .join(F.broadcast(songs), "song_id", how="inner")
        .groupBy("split", "genre_id", "place")
        .agg(F.sum("count").alias("count"))
    )
    stars = F.lit(scale.values.tolist())
    return (
        with_train_files(counts, "genre_id", "place")
        .withColumn("rating", F.get(stars, F.col("place")))
        .join(F.broadcast(genres), "genre_id", how="inner")
        .select("split", *DESCRIBED, "top_genre_id", "name", "count")
    )


def columns(cells: DataFrame) -> DataFrame:
    """One row per (split, column): the describe table, joined per rating.

    The standard deviation is the sample's, null for a single row; quartiles are exact, linear
    between neighbours.
    """
    long = cells.unpivot(["split", "count"], list(DESCRIBED), "column", "value")
    x, n = F.col("value").cast("double"), F.col("count")
    # Rounding must not leave a column that does not vary below zero.
    spread = F.greatest(F.lit(0.0), F.sum(x * x * n) - F.sum(x * n) * F.sum(x * n) / F.sum(n))
    described = long.groupBy("split", "column").agg(
        F.sum(n).alias("count"),
        (F.sum(x * n) / F.sum(n)).alias("mean"),
        F.sqrt(F.try_divide(spread, F.sum(n) - 1)).alias("stddev"),
        F.min(x).alias("min"),
        F.percentile(x, list(QUARTILES), n).alias("quartiles"),
        F.max(x).alias("max"),
    )
    named = {f"q{q * 100:.0f}": F.col("quartiles")[i] for i, q in enumerate(QUARTILES)}
    return described.withColumns(named).drop("quartiles")


def values(cells: DataFrame) -> DataFrame:
    """One row per (split, column, value): count and share, for rating and level."""
    long = cells.unpivot(["split", "count"], ["rating", "level"], "column", "value")
    counts = long.groupBy("split", "column", "value").agg(F.sum("count").alias("count"))
    everything = F.sum("count").over(Window.partitionBy("split", "column"))
    return counts.withColumn("share", F.col("count") / everything)


def top_ten(cells: DataFrame) -> DataFrame:
    """One row per (split, rating, rank): the ten genres with most ratings of that value."""
    order = Window.partitionBy("split", "rating").orderBy(F.desc("count"), "genre_id")
    ranked = cells.withColumn("rank", F.row_number().over(order)).where("rank <= 10")
    return ranked.select("split", "rating", "rank", "genre_id", "name", "count")


def sizes(cells: DataFrame, songs: DataFrame, genres: DataFrame) -> DataFrame:
    """One row per (split, grain, genre_id): songs, ratings and mean rating of each genre.

    The grain `own` counts the songs of exactly this genre, `top` those of a level-1 genre and
    all below it. A genre without ratings has count 0 and no mean.
    """
    placed = songs.select("song_id", "genre_id").join(genres, "genre_id", how="inner")
    tops = genres.where("level = 1")
    return _sizes("own", "genre_id", cells, placed, genres).unionByName(
        _sizes("top", "top_genre_id", cells, placed, tops)
    )


def _sizes(
    grain: str, key: str, cells: DataFrame, placed: DataFrame, genres: DataFrame
) -> DataFrame:
    group = F.col(key).alias("genre_id")
    songs = placed.groupBy(group).agg(F.count("*").alias("songs"))
    ratings = cells.groupBy("split", group).agg(
        F.sum("count").alias("count"),
        (F.sum(F.col("rating") * F.col("count")) / F.sum("count")).alias("mean"),
    )
    return (
        genres.crossJoin(cells.select("split").distinct())
        .join(songs, "genre_id", how="left")
        .join(ratings, ["split", "genre_id"], how="left")
        .withColumn("grain", F.lit(grain))
        .fillna(0, ["songs", "count"])
    )
