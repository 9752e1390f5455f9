"""Where a training keeps what it needs to go on after a kill."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

_IDENTITY_DIGITS = 16


def of_training(folder: Path, governed_by: dict[str, Any]) -> Path:
    """The folder below `folder` for this very training; those of any other are deleted.

    Args:
        governed_by: all that the result follows from: rows, settings, seed, code.
    """
    identity = json.dumps(governed_by, sort_keys=True).encode()
    mine = folder / hashlib.sha256(identity).hexdigest()[:_IDENTITY_DIGITS]
    for other in folder.glob("[0-9a-f]" * _IDENTITY_DIGITS):
        if other != mine:
            shutil.rmtree(other)
    mine.mkdir(parents=True, exist_ok=True)
    return mine
