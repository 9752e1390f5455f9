"""Rows of what Spark reads: Parquet, Delta, JSON lines."""

import json
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.sources.reasons import Reason
from ymr_spark.sources.table import found
from ymr_spark.sources.table.columns import Columns
from ymr_spark.sources.table.found import Found, Quarantined
from ymr_spark.store import locations
from ymr_spark.store.locations import Location

_CORRUPT = "_corrupt_line"
_JSON_HEAD = 1_000  # lines whose keys are taken for the columns


def open_frame(spark: SparkSession, path: Location, form: str) -> DataFrame:
    """The table of a file or folder; JSON lines as texts, a line that is none in a column of its
    own.

    Raises:
        DataContractError: it is no such table.
    """
    try:
        if form == "json":
            return _json(spark, path)
        return spark.read.format(form).load(locations.for_spark(path))
    except AnalysisException as e:
        raise DataContractError(
            f"{path}: cannot be read as {form} ({str(e).splitlines()[0]}); see raw.format"
        ) from e


def names(frame: DataFrame) -> list[str]:
    """Of its columns."""
    return [name for name in frame.columns if name != _CORRUPT]


def selected(frame: DataFrame, columns: Columns, what: str) -> DataFrame:
    """The columns by their roles, as texts or numbers, and the lines that are no rows.

    Raises:
        SettingsError: a column is of a type that cannot be what it is said to be.
    """
    types = {field.name: field.dataType for field in frame.schema}
    wanted = []
    for role, name in columns.of.items():
        try:
            made = _MADE.get(role, _id)(F.col(quoted(name)), types[name])
        except KeyError as e:
            raise SettingsError(
                f"{what}: column {name} is {types[name].simpleString()}, which is no {role}; "
                "choose another by raw.columns"
            ) from e
        wanted.append(made.alias(role))
    corrupt = F.col(_CORRUPT) if _CORRUPT in frame.columns else F.lit(None).cast("string")
    return frame.select(*wanted, corrupt.alias("corrupt"))


def reader(name: str) -> found.Read:
    """Reads batches of `selected`.

    Args:
        name: of the table, for what is quarantined.
    """

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[Found]:
        for batch in batches:
            table = pa.Table.from_batches([batch])
            lines = map(str, table["corrupt"].drop_null().to_pylist())
            broken: list[Quarantined] = [(name, None, line, str(Reason.FIELDS)) for line in lines]
            table = table.filter(table["corrupt"].is_null()).drop(["corrupt"])
            columns = {role: table[role] for role in table.column_names}
            yield Found(found.rows(columns), broken, _place(name, table))

    return read


def _place(name: str, table: pa.Table) -> Callable[[int], tuple[str, int | None, str]]:
    def place(row: int) -> tuple[str, int | None, str]:
        (values,) = table.slice(row, 1).to_pylist()
        return name, None, json.dumps(values)

    return place


def _json(spark: SparkSession, path: Location) -> DataFrame:
    head = spark.read.text(locations.for_spark(path)).limit(_JSON_HEAD).collect()
    keys: dict[str, None] = {}
    for (line,) in head:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            keys |= dict.fromkeys(map(str, row))
    schema = T.StructType([T.StructField(name, T.StringType()) for name in (*keys, _CORRUPT)])
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _CORRUPT}
    return spark.read.schema(schema).options(**options).json(locations.for_spark(path))


def quoted(name: str) -> str:
    """A column's name for Spark, whatever signs it has."""
    return "`" + name.replace("`", "``") + "`"


def _id(column: Column, kind: T.DataType) -> Column:
    if isinstance(kind, T.FractionalType):
        whole = column.cast("long")  # 12.0, as where a table of numbers had gaps
        return F.when(whole == column, whole.cast("string")).otherwise(column.cast("string"))
    return _among(column, kind, T.StringType, T.IntegralType).cast("string")


def _rating(column: Column, kind: T.DataType) -> Column:
    if isinstance(kind, T.StringType):
        return column
    return _among(column, kind, T.NumericType).cast("double")


def _time(column: Column, kind: T.DataType) -> Column:
    if isinstance(kind, T.DateType | T.TimestampType | T.TimestampNTZType):
        return F.unix_seconds(column.cast("timestamp"))
    if isinstance(kind, T.StringType):
        return column
    return _among(column, kind, T.NumericType).cast("long")


def _split(column: Column, kind: T.DataType) -> Column:
    return _among(column, kind, T.StringType, T.BooleanType, T.IntegralType).cast("string")


def _among(column: Column, kind: T.DataType, *kinds: type[T.DataType]) -> Column:
    if not isinstance(kind, kinds):
        raise KeyError(kind)
    return column


_MADE = {"rating": _rating, "time": _time, "test": _split}
