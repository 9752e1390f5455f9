"""Where raw ratings come from: R2's files, planted ones, other layouts, tables of any columns."""

from ymr_spark.sources.r2 import files, names
from ymr_spark.store import locations
from ymr_spark.store.locations import Location


def files_of(path: Location) -> list[Location]:
    """The files that ratings are read from: of a folder of R2's layout those that are taken."""
    if path.is_file():
        return [path]
    if wanted := files.of_interest(path):
        return wanted
    return [file for file in locations.files(path) if not names.is_clutter(file.name)]
