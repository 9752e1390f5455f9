"""What a frame of ratings is: its columns, their types, their scale; and its content hash."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType

from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.levels import MOST_LEVELS, TOLERANCE
from ymr_spark.scale import Scale

COLUMNS = ("user_id", "song_id", "rating")
_WHOLE = ("tinyint", "smallint", "int")
_KINDS = {"user_id": _WHOLE, "song_id": _WHOLE, "rating": (*_WHOLE, "float", "double")}


def require_columns(ratings: DataFrame) -> None:
    """Raise DataContractError where ids are no whole numbers of up to 32 bits, or ratings none."""
    found = dict(ratings.select(*COLUMNS).dtypes)
    for name, kinds in _KINDS.items():
        if found[name] not in kinds:
            raise DataContractError(
                f"ratings: {name} is {found[name]}, expected {' or '.join(kinds)}; cast it"
            )


def checked_scale(ratings: DataFrame) -> Scale:
    """The scale of (user_id, song_id, rating) rows, which all their ratings are on.

    Raises:
        DataContractError: a column is not of its type; or a rating is not on the scale that
            `with_scale` has noted, or there is none.
    """
    require_columns(ratings)
    values = _values(ratings, "rating")
    scale = noted_scale(ratings.schema["rating"].metadata) or Scale.of_values(values)
    scale.level_of(values)
    return scale


def with_scale(ratings: DataFrame, scale: Scale, column: str = "rating") -> DataFrame:
    """The ratings with their scale in the metadata of their column, which tables keep."""
    return ratings.withMetadata(column, {"scale": asdict(scale)})


def noting(columns: StructType, scale: Scale, column: str = "rating") -> StructType:
    """The columns of a frame, as `with_scale` would leave them."""
    kept = {"scale": asdict(scale)}
    return StructType(
        [
            StructField(f.name, f.dataType, f.nullable, kept if f.name == column else f.metadata)
            for f in columns
        ]
    )


def scale_of(ratings: DataFrame, column: str = "rating") -> Scale:
    """The scale that `with_scale` has noted, or else the coarsest of the ratings' values.

    Raises:
        DataContractError: the values have no scale.
    """
    if noted := noted_scale(ratings.schema[column].metadata):
        return noted
    return Scale.of_values(_values(ratings, column))


def _values(ratings: DataFrame, column: str) -> npt.NDArray[np.float64]:
    """The different ratings, in no order; where they are too many for a scale, some of them."""
    # One more than a scale can have is enough to tell that there is none.
    values = ratings.select(F.col(column).cast("double")).distinct().limit(MOST_LEVELS + 1)
    return np.array([row[0] for row in values.collect()], np.float64)


def noted_scale(metadata: Mapping[str, Mapping[str, float]]) -> Scale | None:
    """The scale in a column's metadata; None where `with_scale` has noted none."""
    noted = metadata.get("scale")
    return Scale(**noted) if noted else None


def level(scale: Scale, column: str = "rating") -> Column:
    """The level, from 0, of each rating; of one off the scale the nearest whole step, or null."""
    return F.rint(_steps(scale, column)).try_cast("int")


def _steps(scale: Scale, column: str) -> Column:
    return (F.col(column).cast("double") - F.lit(scale.lowest)) / F.lit(scale.step)


def identity(frame: DataFrame) -> dict[str, Identity]:
    """That of each split that (user_id, song_id, rating, split) rows have.

    Raises:
        DataContractError: a column is not of its type, or ratings are off their scale.
    """
    require_columns(frame)
    sums = frame.groupBy("split").agg(*identity_sums(scale_of(frame))).collect()
    return {row["split"]: identity_of(row) for row in sums}


def identity_of_all(ratings: DataFrame, scale: Scale) -> Identity:
    """That of (user_id, song_id, rating) rows; raises as `identity_of`."""
    return identity_of(ratings.agg(*identity_sums(scale)).collect()[0])


def identity_sums(scale: Scale) -> list[Column]:
    """Aggregates of (user_id, song_id, rating) rows that `identity_of` reads.

    The hash is the sum over rows of xxhash64(user_id, song_id, level), as the two sums of its
    32-bit halves: it does not depend on order, partitioning or the type of the ratings, and one
    row more, less or different changes it.
    """
    ids = (F.col(c).cast("int") for c in COLUMNS[:2])
    row = F.xxhash64(*ids, level(scale))
    low = row.bitwiseAND(F.lit(0xFFFFFFFF).cast("long"))
    steps = _steps(scale, "rating")
    on = (F.abs(steps - F.rint(steps)) <= TOLERANCE) & level(scale).between(0, scale.levels - 1)
    return [
        F.count("*").alias("rows"),
        F.sum(F.shiftrightunsigned(row, 32)).alias("hash_high"),
        F.sum(low).alias("hash_low"),
        F.count_if(~F.coalesce(on, F.lit(False))).alias("off_scale"),
    ]


def identity_of(sums: Row | Mapping[str, int]) -> Identity:
    """The identity out of `identity_sums`.

    Raises:
        DataContractError: ratings are off the scale, so that the hash would not tell them apart.
    """
    if off := sums["off_scale"]:
        raise DataContractError(
            f"ratings: {off} of {sums['rows']} are off their scale; run jobs/ingest.py --force, or "
            "note the scale that they have"
        )
    return Identity.of_halves(sums["rows"], sums["hash_high"], sums["hash_low"])
