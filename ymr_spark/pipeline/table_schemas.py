"""The columns that a table has, held against those of its schema."""

import json

import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from ymr_spark import schemas
from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import stages


def arrow_schema(table: str) -> pa.Schema:
    """The columns of the table for Arrow."""
    return to_arrow_schema(schemas.TABLES[table])


def of_delta(delta: DeltaTable) -> T.StructType:
    """The columns by the log of a table, with their metadata."""
    return T.StructType.fromJson(json.loads(delta.schema().to_json()))


def is_of(table: str, found: T.StructType) -> bool:
    """Whether these are the columns of the table's schema, by names and types."""
    return _columns(found) == _columns(schemas.TABLES[table])


def check(table: str, found: T.StructType) -> None:
    """Raise DataContractError, with the job to run, unless these columns are the schema's."""
    if not is_of(table, found):
        expected, there = _columns(schemas.TABLES[table]), _columns(found)
        differing = sorted(set(expected.items()) ^ set(there.items()))
        raise DataContractError(
            f"table {table}: columns are not the schema's (differing: {differing}); "
            f"expected {expected}; run {stages.maker(table)} again"
        )


def _columns(schema: T.StructType) -> dict[str, str]:
    return {field.name: field.dataType.simpleString() for field in schema.fields}
