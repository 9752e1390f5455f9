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
    """Entries that a checkpoint of the log stands for, once `keep_newest` has written one; they
    have the least and the greatest values of files that are gone.

    Args:
        before: seconds since the epoch: what was newest then, and all since, can still be read.
    """
    changed, entries = delta_log.changed(table), delta_log.commits(table)
    then = [entry for entry in entries if locations.modified(entry) < before]
    if changed is None or not then:
        return []
    logged = locations.within(table / "_delta_log")
    numbered = {file: file.name.split(".")[0] for file in logged}
    versions = {file: int(number) for file, number in numbered.items() if number.isdigit()}
    first = int(changed.stem)
    if then[-1] != entries[-1]:
        newest = int(then[-1].stem)
        kept = [v for file, v in versions.items() if ".checkpoint" in file.name and v <= newest]
        first = min(first, max(kept, default=0))
    return [file for file, version in versions.items() if version < first]


def keep_newest(table: Location) -> None:
    """Write the checkpoint by which the table can be read without the earlier log."""
    delta_log.opened(table).create_checkpoint()


def compact(table: Location) -> None:
    """Make few files of many small ones, which have the same rows in another order."""
    delta_log.opened(table).optimize.compact(commit_properties=ALONE)
