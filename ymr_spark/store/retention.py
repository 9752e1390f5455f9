"""What Delta tables keep of versions that nobody is to read any more, and how small files become
one."""

from ymr_spark.store import delta_log, locations
from ymr_spark.store.delta_log import ALONE
from ymr_spark.store.locations import Location


def unread_data(table: Location, hours: int) -> list[Location]:
    """Data files that the newest version has not, left by it or by jobs that failed so long ago."""
    found = delta_log.opened(table).vacuum(
        hours, dry_run=True, enforce_retention_duration=False, full=True
    )
    # It lists files by the log that went long ago, too.
    there = locations.files(table)
    return sorted({delta_log.file(table, path) for path in found} & there.keys(), key=str)


def unread_log(table: Location, before: float) -> list[Location]:
    """Entries of versions before the one by which the rows are as they are, which a checkpoint of
    the log stands for; they have the least and the greatest values of files that are gone.

    Args:
        before: seconds since the epoch, at which they were there.
    """
    kept = delta_log.changed(table)
    if kept is None:
        return []
    logged = locations.within(table / "_delta_log")
    numbered = [file for file in logged if file.name.split(".")[0].isdigit()]
    old = [file for file in numbered if int(file.name.split(".")[0]) < int(kept.stem)]
    return [file for file in old if locations.modified(file) < before]


def keep_newest(table: Location) -> None:
    """Write the checkpoint by which the table can be read without the earlier log."""
    delta_log.opened(table).create_checkpoint()


def compact(table: Location) -> None:
    """Make few files of many small ones, which have the same rows in another order."""
    delta_log.opened(table).optimize.compact(commit_properties=ALONE)
