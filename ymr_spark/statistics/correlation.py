"""The correlation matrix over ratings, from sums over users and songs."""

from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from ymr_spark.scale import Scale
from ymr_spark.statistics.scans import TRAIN_FILES, activity, total

OF_SONG = ("genre_id", "parent_genre_id", "level", "song_popularity")
COLUMNS = ("rating", *OF_SONG[:3], "user_activity", "song_popularity")
Matrix = npt.NDArray[np.float64]


def matrices(
    users: DataFrame, songs: DataFrame, placed: DataFrame, scale: Scale
) -> dict[str, Matrix]:
    """Each split's correlation matrix over its ratings, rows and columns in COLUMNS' order.

    A user's activity and a song's popularity are their ratings in the train files, whatever the
    split. NaN stands where a column does not vary.

    Args:
        users: as `scans.by_user` makes it.
        songs: as `scans.by_song` makes it.
        placed: one row per song_id with genre_id, parent_genre_id and level.
    """
    sums = _song_sums(songs, placed, scale)
    for split, more in _user_sums(users, scale).items():
        sums[split] |= more
    train = [sums[s] for s in ("train", "validation") if s in sums]
    sums[TRAIN_FILES] = {key: sum(s[key] for s in train) for key in train[0]}
    return {split: _correlation(s) for split, s in sums.items()}


Products = dict[tuple[str, str], float]  # Σ x·y over the ratings, for each pair of columns


def _song_sums(songs: DataFrame, placed: DataFrame, scale: Scale) -> dict[str, Products]:
    popularity = activity(songs, "song_id").withColumnRenamed("activity", "song_popularity")
    frame = songs.join(popularity, "song_id", how="left").join(placed, "song_id", how="inner")
    n, stars = total(), _weighted(1, scale)
    fixed: dict[str, Column] = {
        "one": F.lit(1.0),
        **{c: F.coalesce(c, F.lit(0)).cast("double") for c in OF_SONG},
    }
    pairs = {(x, y): fixed[x] * fixed[y] * n for x, y in combinations_with_replacement(fixed, 2)}
    pairs |= {(x, "rating"): fixed[x] * stars for x in fixed}
    pairs |= {(x, "user_activity"): fixed[x] * F.col("rater_activity") for x in fixed}
    pairs |= {("rating", "rating"): _weighted(2, scale)}
    return _collect(frame, pairs)


def _user_sums(users: DataFrame, scale: Scale) -> dict[str, Products]:
    frame = users.join(activity(users, "user_id"), "user_id", how="left")
    own = F.coalesce("activity", F.lit(0)).cast("double")
    return _collect(
        frame,
        {
            ("rating", "user_activity"): own * _weighted(1, scale),
            ("user_activity", "user_activity"): own * own * total(),
        },
    )


def _weighted(power: int, scale: Scale) -> Column:
    """Σ rating^power over the ratings that a row of counts stands for."""
    weights = (scale.values**power).tolist()
    return sum((F.col("counts")[i] * w for i, w in enumerate(weights)), start=F.lit(0))


def _collect(frame: DataFrame, pairs: dict[tuple[str, str], Column]) -> dict[str, Products]:
    sums = [F.sum(value.cast("double")).alias(f"{i}") for i, value in enumerate(pairs.values())]
    rows = frame.groupBy("split").agg(*sums).collect()
    return {row["split"]: dict(zip(pairs, row[1:], strict=True)) for row in rows}


def _correlation(sums: Products) -> Matrix:
    n = sums["one", "one"]
    mean = np.array([_pair(sums, "one", c) for c in COLUMNS]) / n
    moments = np.array([[_pair(sums, x, y) for y in COLUMNS] for x in COLUMNS]) / n
    covariance = moments - np.outer(mean, mean)
    # A column that does not vary leaves rounding error behind, which must not pass for variance.
    constant = np.diag(covariance) <= 1e-12 * np.diag(moments)
    deviation = np.sqrt(np.where(constant, np.nan, np.diag(covariance)))
    return covariance / np.outer(deviation, deviation)


def _pair(sums: Products, x: str, y: str) -> float:
    return sums[x, y] if (x, y) in sums else sums[y, x]
