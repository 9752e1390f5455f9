"""How ratings spread over users and over songs: the long tails, and each user's lean."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from ymr_spark.scale import Scale
from ymr_spark.statistics.scans import total, with_train_files


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


def lean(users: DataFrame, scale: Scale) -> DataFrame:
    """One row per (split, rating, percent): users of whose ratings `percent` % have that value.

    Percentages are rounded down; `rating` is the lowest or the highest of the scale. Each user's
    own counts are in `by_user`.
    """
    ends = {"lowest": 1, "highest": -1}
    given = (F.element_at("counts", place).alias(name) for name, place in ends.items())
    counts = with_train_files(
        users.select("split", "user_id", *given, total().alias("ratings")), "user_id"
    )
    shares = (
        F.floor(100 * F.col(name) / F.col("ratings")).cast("int").alias(name) for name in ends
    )
    rating = F.when(F.col("end") == "lowest", scale.lowest).otherwise(scale.highest)
    return (
        counts.select("split", *shares)
        .unpivot("split", list(ends), "end", "percent")
        .groupBy("split", rating.cast("double").alias("rating"), "percent")
        .agg(F.count("*").alias("users"))
    )
