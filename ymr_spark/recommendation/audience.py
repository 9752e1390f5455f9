"""Which users get recommendations."""

from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark import text_file
from ymr_spark.errors import SettingsError


def audience(
    spark: SparkSession, rated: DataFrame, path: Path | None
) -> tuple[DataFrame, list[int]]:
    """The ratings of the users named in a file, and those of them who have none.

    Args:
        path: a user id a line; None for everyone with a rating.

    Raises:
        SettingsError: the file cannot be read, or has no user id in some line.
    """
    if path is None:
        return rated, []
    ids = _user_ids(path)
    users = spark.createDataFrame(pa.table({"user_id": pa.array(ids, pa.int32())}))
    mine = rated.join(F.broadcast(users), "user_id", how="leftsemi")
    found = {row["user_id"] for row in mine.select("user_id").distinct().collect()}
    return mine, sorted(set(ids) - found)


def _user_ids(path: Path) -> list[int]:
    lines = text_file.read(path, "recommend.users takes a file of user ids").split()
    wrong = [line for line in lines if not (line.isdecimal() and int(line) < 2**31)]
    if wrong or not lines:
        found = repr(wrong[0]) if wrong else "nothing"
        raise SettingsError(f"recommend.users={path}: expected a user id a line, found {found}")
    return sorted({int(line) for line in lines})
