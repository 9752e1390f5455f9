"""What comes with the library besides its sources: jobs, settings, the list of the Delta JARs.

An installed wheel has the folders `jobs` and `conf` inside of the package; in the source tree
they are beside it, also for an editable installation.
"""

from pathlib import Path

from ymr_spark.store import locations
from ymr_spark.store.locations import Location

_PACKAGE = Path(__file__).parent
IN_SOURCE_TREE = not (_PACKAGE / "jobs").is_dir()
_HOME = _PACKAGE.parent if IN_SOURCE_TREE else _PACKAGE
JOBS, CONF = _HOME / "jobs", _HOME / "conf"


def settings_file(name: str) -> Location:
    """That path or URI, or the file of that name in `CONF` if there is none: sample.yaml
    anywhere."""
    path = locations.of(name)
    if not isinstance(path, Path):
        return path
    shipped = CONF / path.name
    return shipped if name == path.name and not path.exists() and shipped.exists() else path
