"""Parts that were added to a folder whose others are in the table of ratings already."""

from collections.abc import Iterable, Mapping

from ymr_spark.sources.r2.files import RawFolder
from ymr_spark.store.delta_log import Extent
from ymr_spark.store.locations import Stamp


def added(raw: RawFolder, stamps: Mapping[str, Stamp]) -> RawFolder | None:
    """The folder with only the parts that came after those that were read.

    None where there are none; or where a file is not as it was, is gone, or comes before one that
    was read, so that it decides which of two duplicates stays.

    Args:
        stamps: by name, of the files that were read.
    """
    read = {file.name: (file.size, file.modified) for file in raw.files if file.name in stamps}
    numbers = [file.part for file in raw.ratings if file.name in stamps]
    if not numbers or read != stamps:
        return None
    later = raw.after(max(numbers))
    return later if later.parts and len(later.files) + len(numbers) == len(raw.files) else None


def all_new(users: Iterable[tuple[int, int]], there: Iterable[Extent]) -> bool:
    """Whether none of the users, by the first and the last of each block, can be in a file."""
    there = [*there]
    return all(last < of.least or of.most < first for first, last in users for of in there)
