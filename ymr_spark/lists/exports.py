"""The lists as files, for readers who know users and songs by their own ids."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from ymr_spark.store import locations
from ymr_spark.store.locations import Location

# As spreadsheets and other readers of CSV take quotes, and with the blanks that ids have.
_CSV = {
    **{"header": True, "escape": '"'},
    **{"ignoreLeadingWhiteSpace": False, "ignoreTrailingWhiteSpace": False},
}


def named(recommended: DataFrame, users: DataFrame, songs: DataFrame) -> DataFrame:
    """The lists with the columns user, rank, song, title, artist in the place of the numbers.

    Args:
        recommended: schemas.RECOMMENDATIONS rows.
        users, songs: schemas.USER_IDS, SONG_IDS rows; whoever has none keeps the number.
    """
    found = recommended.join(_own(users, "user"), "user_id", how="left")
    found = found.join(_own(songs, "song"), "song_id", how="left")
    others = [c for c in recommended.columns if c not in ("user_id", "rank", "song_id")]
    columns: list[Column | str]
    columns = [_called("user"), "rank", _called("song"), "title", "artist", *others]
    return found.orderBy("user_id", "rank").select(*columns)


def _own(rows: DataFrame, side: str) -> DataFrame:
    return rows.withColumnRenamed("id", side)


def _called(side: str) -> Column:
    return F.coalesce(side, F.col(f"{side}_id").cast("string")).alias(side)


def write(rows: DataFrame, folder: Location, form: str) -> None:
    """Files of these rows below a folder: csv or jsonl."""
    writer = rows.write.mode("overwrite")
    if form == "csv":
        writer.csv(locations.for_spark(folder), **_CSV)  # type: ignore[arg-type]
    else:
        writer.json(locations.for_spark(folder))
