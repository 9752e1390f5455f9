"""What the last training of a model has found, kept for the next one to begin with."""

import logging
from dataclasses import dataclass

from pydantic import ValidationError

from ymr_spark.models.registry import Entry
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Trained
from ymr_spark.records.record import Record
from ymr_spark.store import atomically
from ymr_spark.store.file_states import digest

log = logging.getLogger(__name__)


class _Told(Record):
    """Of the file beside it."""

    digest: str
    rows: str


@dataclass(frozen=True)
class Start:
    """What was found, and in what rows."""

    content: bytes
    digest: str
    rows: str


def last(warehouse: Warehouse, entry: Entry) -> Start | None:
    """That of the last training that was to be kept; None where there is none, or it is damaged."""
    folder = warehouse.path(f"models/{entry.name}/start/")
    try:
        told = _Told.model_validate_json((folder / "told.json").read_bytes())
        content = (folder / f"{told.digest}.npz").read_bytes()
    except (OSError, ValidationError):
        return None
    if digest(content) != told.digest:
        log.warning("%s: not what was written; %s begins anew", folder, entry.name)
        return None
    return Start(content, told.digest, told.rows)


def keep(warehouse: Warehouse, entry: Entry, found: bytes | None, trained: Trained) -> None:
    """Keep it in the place of the last one; a kill leaves the one or the other."""
    if found is None:
        return
    folder, name = warehouse.path(f"models/{entry.name}/start/"), digest(found)
    before = last(warehouse, entry)
    atomically.write(folder / f"{name}.npz", found)
    told = _Told(digest=name, rows=f"{trained.rows} rows of hash {trained.train_hash}")
    atomically.write(folder / "told.json", told.model_dump_json())
    if before and before.digest != name:
        (folder / f"{before.digest}.npz").unlink(missing_ok=True)
