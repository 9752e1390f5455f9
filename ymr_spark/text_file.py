"""Small text files that users write, in UTF-8."""

from ymr_spark.errors import SettingsError
from ymr_spark.store.locations import Location


def read(path: Location, way_out: str) -> str:
    """The text of the file, without a byte order mark.

    Args:
        way_out: said where the file cannot be read, such as "pass --conf FILE".

    Raises:
        SettingsError: there is no such file, or a line of it is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as e:
        raise SettingsError(f"{path}: cannot be read ({e.strerror}); {way_out}") from e
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = content.count(b"\n", 0, e.start) + 1
        raise SettingsError(f"{path}, line {line}: not UTF-8; save the file as UTF-8") from e
