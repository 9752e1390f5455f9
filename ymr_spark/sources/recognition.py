"""What raw ratings are: told by the settings, or by the names of files."""

from collections.abc import Callable

from pyspark.sql import SparkSession

from ymr_spark.sources import movielens, netflix, yahoo
from ymr_spark.sources.r2 import files as r2_files
from ymr_spark.sources.r2 import names as r2_names
from ymr_spark.sources.table import raw_table, text_table
from ymr_spark.sources.table.raw_table import Given, RawTable
from ymr_spark.store.locations import Location

R2 = "folder"
TABLE = "table"
# In the order in which they are looked for.
_LAYOUTS: dict[
    str, tuple[Callable[[Location], object], Callable[[SparkSession, Location], RawTable]]
] = {
    "movielens": (movielens.find, movielens.opened),
    "yahoo-r1": (yahoo.find_r1, yahoo.opened_r1),
    "yahoo-r3": (yahoo.find_r3, yahoo.opened_r3),
    "netflix-prize": (netflix.find, netflix.opened),
}


def recognized(path: Location) -> str:
    """The name of the source that a file or folder is of."""
    if any(r2_names.is_taken(file.name) for file in r2_files.of_interest(path)):
        return R2
    if path.is_dir() and not (path / "_delta_log").is_dir():
        return next((name for name, (find, _) in _LAYOUTS.items() if find(path)), TABLE)
    return TABLE


def opened(spark: SparkSession, source: str, path: Location, given: Given) -> RawTable:
    """The table of a source by its name.

    Raises:
        DataContractError: what is at the path is none of that source.
        SettingsError: a column that is given is not there, or one cannot be told.
    """
    if source in _LAYOUTS:
        return _LAYOUTS[source][1](spark, path)
    form = given.form or raw_table.form_of(path)
    if form != "text":
        return raw_table.spark_table(spark, path, form, given)
    text = text_table.of_any(raw_table.data_files(path), given)
    return text_table.table(spark, path.name, text, f"a table in {text_table.told(text)}")
