"""Where a training keeps what it needs to go on after a kill."""

import hashlib
import json
from typing import Any

from ymr_spark.store import locations
from ymr_spark.store.locations import Location

_IDENTITY_DIGITS = 16


def of_training(folder: Location, governed_by: dict[str, Any]) -> Location:
    """The folder below `folder` for this very training; those of any other are deleted.

    Args:
        governed_by: all that the result follows from: rows, settings, seed, code.
    """
    identity = json.dumps(governed_by, sort_keys=True).encode()
    mine = folder / hashlib.sha256(identity).hexdigest()[:_IDENTITY_DIGITS]
    for other in locations.matching(folder, "[0-9a-f]" * _IDENTITY_DIGITS):
        if other != mine:
            locations.remove(other)
    mine.mkdir(parents=True, exist_ok=True)
    return mine
