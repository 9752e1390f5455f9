"""The types of columns, and how a table's are written down."""

from pyspark.sql import types as T

INT, LONG, FLOAT, DOUBLE = T.IntegerType(), T.LongType(), T.FloatType(), T.DoubleType()
STRING, FLAG, FACTORS = T.StringType(), T.BooleanType(), T.ArrayType(FLOAT)
INTS, TINY_INTS = T.ArrayType(INT), T.ArrayType(T.ByteType())


def table(*columns: tuple[str, T.DataType]) -> T.StructType:
    """A StructType of these columns, each of which may be null."""
    return T.StructType([T.StructField(name, kind) for name, kind in columns])
