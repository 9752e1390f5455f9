"""The columns of a frame of ratings, whatever their names and types, and ids as whole numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasPredictionCol
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.models.arrays import Ints

_WHOLE = ("tinyint", "smallint", "int")
_IDS = (*_WHOLE, "bigint", "string")
_NUMBERS = (*_WHOLE, "bigint", "float", "double", "decimal")
_MOST = 1 << 24  # what is packed and looked up by id is as long as the largest one
UNKNOWN = -1


class RatingColumns(HasPredictionCol):
    """Names of columns, as those of `pyspark.ml.recommendation.ALS`."""

    userCol: Param[str] = Param(
        Params._dummy(),
        "userCol",
        "column of user ids: whole numbers or strings",
        TypeConverters.toString,
    )
    itemCol: Param[str] = Param(
        Params._dummy(),
        "itemCol",
        "column of item ids: whole numbers or strings",
        TypeConverters.toString,
    )
    ratingCol: Param[str] = Param(
        Params._dummy(),
        "ratingCol",
        "column of ratings: numbers on one scale, see ymr_spark.ratings.with_scale",
        TypeConverters.toString,
    )
    fallbackCol: Param[str] = Param(
        Params._dummy(),
        "fallbackCol",
        "column that says where another model made the prediction",
        TypeConverters.toString,
    )

    def column(self, param: str) -> str:
        """The name of a column, by the Param that holds it."""
        name: str = self.getOrDefault(param)
        return name


def require(dataset: DataFrame, name: str, kinds: Sequence[str]) -> None:
    """Raise DataContractError where the column is missing or of none of these types."""
    if name not in dataset.columns:
        raise DataContractError(
            f"no column {name} among {', '.join(dataset.columns)}; name it by userCol, itemCol "
            "or ratingCol"
        )
    kind = dataset.schema[name].dataType.simpleString()
    if kind.partition("(")[0] not in kinds:
        raise DataContractError(f"column {name}: {kind}, expected {', '.join(kinds)}; cast it")


def require_ids(dataset: DataFrame, *names: str) -> None:
    """`require` of columns of ids."""
    for name in names:
        require(dataset, name, _IDS)


def require_ratings(dataset: DataFrame, name: str) -> None:
    """`require` of a column of ratings."""
    require(dataset, name, _NUMBERS)


@dataclass(frozen=True)
class IdCodes:
    """How the ids of users, or of items, become whole numbers from 0 on.

    Those of 32 bits or less that are not negative stand for themselves; others, and strings, for
    their place among `labels`, which ascend.
    """

    kind: str  # of the column
    labels: tuple[str, ...] | None = None

    @classmethod
    def of(cls, ids: DataFrame, least: Any, most: Any) -> "IdCodes":
        """The side of a column of ids, the only one of the frame, from `least` to `most`."""
        (name,), ((_, kind),) = ids.columns, ids.dtypes
        if kind in _WHOLE and least >= 0 and most < _MOST:
            return cls(kind)
        found = ids.select(F.col(name).cast("string")).distinct().toArrow()
        return cls(kind, tuple(sorted(found.column(0).to_numpy())))

    def asked(self, column: str) -> Column:
        """The column as `codes` takes it."""
        if self.labels is None:
            return F.coalesce(F.col(column).cast("long"), F.lit(UNKNOWN))
        return F.col(column).cast("string")

    def codes(self, asked: "pd.Series[Any]") -> Ints:
        """The whole numbers of some values of `asked`, UNKNOWN for what is not there."""
        if self.labels is None:
            found: Ints = asked.to_numpy()
            return found
        places: Ints = pd.Index(self.labels).get_indexer(pd.Index(asked))
        return places

    def with_codes(self, frame: DataFrame, column: str, code: str) -> DataFrame:
        """The frame with the whole numbers of a column, int, UNKNOWN for what is not there."""
        if self.labels is None:
            return frame.withColumn(code, F.coalesce(F.col(column).cast("int"), F.lit(UNKNOWN)))
        labels = F.broadcast(self._table(frame, code))
        same = F.col(column).cast("string") == F.col("_label")
        found = frame.join(labels, same, how="left").drop("_label")
        return found.withColumn(code, F.coalesce(code, F.lit(UNKNOWN)))

    def coded(self, frame: DataFrame, column: str, code: str) -> DataFrame:
        """`with_codes` in the place of the column, without the rows of what is not there."""
        found = self.with_codes(frame, column, "_code").where(F.col("_code") != UNKNOWN)
        return found.drop(column).withColumnRenamed("_code", code)

    def named(self, frame: DataFrame, code: str, column: str) -> DataFrame:
        """The reverse of `coded`: ids of their own type."""
        if self.labels is None:
            found = frame.withColumn("_label", F.col(code))
        else:
            same = F.col(code) == F.col("_code")
            found = frame.join(F.broadcast(self._table(frame, "_code")), same, how="inner")
            found = found.drop("_code")
        found = found.drop(code).withColumn("_label", F.col("_label").cast(self.kind))
        return found.withColumnRenamed("_label", column)

    def _table(self, frame: DataFrame, code: str) -> DataFrame:
        labels = pa.array(self.labels or (), pa.string())
        codes = pa.array(np.arange(len(labels)), pa.int32())
        return frame.sparkSession.createDataFrame(pa.table({code: codes, "_label": labels}))
