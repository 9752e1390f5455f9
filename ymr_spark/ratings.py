"""What a frame of ratings must be before it is hashed, packed or judged; and its content hash."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.scale import MOST_LEVELS, Scale

COLUMNS = ("user_id", "song_id", "rating")
_WHOLE = ("tinyint", "smallint", "int")


def require_whole(ratings: DataFrame) -> None:
    """Raise DataContractError where ids or ratings are not whole numbers of up to 32 bits.

    Ratings of 4 and 4.5 stars would become the same once they are cast to integers.
    """
    found = dict(ratings.select(*COLUMNS).dtypes)
    if wrong := {name: kind for name, kind in found.items() if kind not in _WHOLE}:
        raise DataContractError(
            f"ratings: {wrong}, expected {' or '.join(_WHOLE)}; cast what is whole, scale to whole "
            "numbers what is not"
        )


def with_scale(ratings: DataFrame, scale: Scale, column: str = "rating") -> DataFrame:
    """The ratings with their scale in the metadata of their column, which tables keep."""
    return ratings.withMetadata(column, {"scale": asdict(scale)})


def scale_of(ratings: DataFrame, column: str = "rating") -> Scale:
    """The scale that `with_scale` has noted, or else the coarsest of the ratings' values.

    Raises:
        DataContractError: the values have no scale.
    """
    if noted := ratings.schema[column].metadata.get("scale"):
        return Scale(**noted)
    # One more than a scale can have is enough to tell that there is none.
    values = ratings.select(F.col(column).cast("double")).distinct().limit(MOST_LEVELS + 1)
    return Scale.of_values(np.array([row[0] for row in values.collect()], float))


def identity(frame: DataFrame) -> dict[str, tuple[int, str]]:
    """Rows and content hash of each split that (user_id, song_id, rating, split) rows have.

    Raises:
        DataContractError: ids or ratings are not of a type for whole numbers.
    """
    require_whole(frame)
    sums = frame.groupBy("split").agg(*identity_sums()).collect()
    return {row["split"]: identity_of(row) for row in sums}


def identity_sums() -> list[Column]:
    """Aggregates of (user_id, song_id, rating) rows, whole numbers, that `identity_of` reads.

    The hash is the sum over rows of xxhash64(user_id, song_id, rating), as the two sums of its
    32-bit halves: it does not depend on order or partitioning, and one row more, less or
    different changes it.
    """
    row = F.xxhash64(*(F.col(c).cast("int") for c in COLUMNS))
    low = row.bitwiseAND(F.lit(0xFFFFFFFF).cast("long"))
    return [
        F.count("*").alias("rows"),
        F.sum(F.shiftrightunsigned(row, 32)).alias("hash_high"),
        F.sum(low).alias("hash_low"),
    ]


def identity_of(sums: Row | Mapping[str, int]) -> tuple[int, str]:
    """Rows and content hash out of `identity_sums`."""
    return sums["rows"], f"{sums['hash_high']:016x}{sums['hash_low']:016x}"
