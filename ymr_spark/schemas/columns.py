"""The types of columns, and how a table's are written down."""

from pyspark.sql import types as T

INT, LONG, BYTE, DOUBLE = T.IntegerType(), T.LongType(), T.ByteType(), T.DoubleType()
STRING, FLAG, FACTORS = T.StringType(), T.BooleanType(), T.ArrayType(T.FloatType())


def table(*columns: tuple[str, T.DataType]) -> T.StructType:
    return T.StructType([T.StructField(name, kind) for name, kind in columns])
