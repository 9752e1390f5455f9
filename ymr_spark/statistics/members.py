"""How ratings spread over users and over songs: the long tails, and each user's lean."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from ymr_spark.statistics.scans import STARS, total, with_train_files


def tails(users: DataFrame, songs: DataFrame) -> DataFrame:
    """One row per (split, side, ratings): how many users or songs have that many ratings.

    Only members with a rating in the split are counted. `side` is user or song.
    """
    return _histogram("user", users).unionByName(_histogram("song", songs))


def _histogram(side: str, counts: DataFrame) -> DataFrame:
    per_member = with_train_files(
        counts.select("split", f"{side}_id", total().alias("ratings")), f"{side}_id"
    )
    return (
        per_member.groupBy("split", "ratings")
        .agg(F.count("*").alias("members"))
        .withColumn("side", F.lit(side))
    )


def concentration(histogram: DataFrame) -> DataFrame:
    """One row per (split, side): how unequally ratings are spread; from `tails`.

    The Gini coefficient is G = 2 Σ k x_k / (n Σ x_k) - (n + 1) / n with x ascending, k = 1..n.
    `top_share` is the share of all ratings that the most active 1 % (rounded up) hold.
    """
    ascending = Window.partitionBy("split", "side").orderBy("ratings")
    x, m = F.col("ratings").cast("double"), F.col("members")
    last_rank = F.sum(m).over(ascending)
    # The ranks of m equal members ending at rank r add up to m (2r - m + 1) / 2.
    ranked = histogram.withColumn("rank_sum", m * (2 * last_rank - m + 1) / 2).withColumn(
        "above", F.sum(m).over(Window.partitionBy("split", "side")) - last_rank
    )
    n, ratings = F.sum(m), F.sum(x * m)
    top = F.ceil(F.sum(m).over(Window.partitionBy("split", "side")) / 100)
    ranked = ranked.withColumn("in_top", F.greatest(F.lit(0), F.least(m, top - F.col("above"))))
    return ranked.groupBy("split", "side").agg(
        n.alias("members"),
        F.sum(F.col("ratings") * m).alias("ratings"),
        (ratings / n).alias("mean"),
        F.percentile(x, F.lit(0.5), m).alias("median"),
        F.max("ratings").alias("max"),
        (2 * F.sum(x * F.col("rank_sum")) / (n * ratings) - (n + 1) / n).alias("gini"),
        (F.sum(x * F.col("in_top")) / ratings).alias("top_share"),
    )


def lean(users: DataFrame) -> DataFrame:
    """One row per (split, rating, percent): users of whose ratings `percent` % have that value.

    Percentages are rounded down; `rating` is 1 or 5. Each user's own counts are in `by_user`.
    """
    counts = with_train_files(users, "user_id")
    shares = counts.select("split", _percent(1).alias("1"), _percent(5).alias("5"))
    return (
        shares.unpivot("split", ["1", "5"], "rating", "percent")
        .groupBy("split", F.col("rating").cast("int").alias("rating"), "percent")
        .agg(F.count("*").alias("users"))
    )


def _percent(rating: int) -> Column:
    return F.floor(100 * F.col(STARS[rating]) / total()).cast("int")
