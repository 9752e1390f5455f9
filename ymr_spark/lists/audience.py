"""Which users get recommendations."""

from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ymr_spark import ids
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
    wanted = _user_ids(path)
    users = spark.createDataFrame(pa.table({"user_id": pa.array(wanted, pa.int32())}))
    mine = rated.join(F.broadcast(users), "user_id", how="leftsemi")
    found = {row["user_id"] for row in mine.select("user_id").distinct().collect()}
    return mine, sorted(set(wanted) - found)


def _user_ids(path: Path) -> list[int]:
    lines = ids.lines(path, "recommend.users takes a file of user ids")
    words = [(number, word) for number, line in enumerate(lines, start=1) for word in line]
    if not words:
        raise SettingsError(f"recommend.users={path}: expected a user id a line, found nothing")
    return sorted({_user_id(path, number, word) for number, word in words})


def _user_id(path: Path, line: int, word: str) -> int:
    try:
        return ids.parse(word)
    except ValueError as e:
        raise SettingsError(f"recommend.users={path}, line {line}: a user id a line: {e}") from e
