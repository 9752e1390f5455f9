"""Ratings in this process' memory, as tools of one machine take them."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from ymr_spark.errors import DataContractError
from ymr_spark.models.arrays import Flags, Floats, Ints
from ymr_spark.pipeline import manifests, stages
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Trained
from ymr_spark.scale import Scale

CORES = os.cpu_count() or 1
# All rows that a published model was finally fitted to.
TRAIN_FILES = ("train", "validation")
_COLUMNS = ["user_id", "song_id", "rating"]
Found = TypeVar("Found")


class Skipped(Exception):
    """Why a rival does not run."""


@dataclass(frozen=True)
class Result:
    """Seconds with all reading; `tuning`, those of the choice of settings, come on top.

    `rows` is set where the seconds are of training on so many rows, and of nothing else.
    """

    what: str
    seconds: float
    mse: float | None = None
    tuning: float | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Rows:
    """Users and songs by their ids, 12 bytes a rating."""

    user: Ints  # (rows,) int32
    song: Ints
    stars: Floats  # float32

    def of(self, chosen: Flags) -> "Rows":
        """Those of the mask."""
        return Rows(self.user[chosen], self.song[chosen], self.stars[chosen])

    def mse(self, scores: Floats, scale: Scale) -> float:
        """Of the scores (rows,), brought to the ends of the scale."""
        bounded = np.clip(scores, scale.lowest, scale.highest)
        return float(np.mean((bounded - self.stars) ** 2, dtype=np.float64))


def read(warehouse: Warehouse, *splits: str) -> Rows:
    """The Parquet files of these splits, by pyarrow."""
    table: pa.Table = ds.dataset(files(warehouse, *splits)).to_table(columns=_COLUMNS)
    return Rows(*(table.column(name).to_numpy() for name in _COLUMNS))


def files(warehouse: Warehouse, *splits: str) -> list[str]:
    """Those of the ratings at their newest version."""
    found = [str(path) for path in warehouse.files("ratings")]
    return [path for path in found if any(f"/split={split}/" in path for split in splits)]


def shape(*parts: Rows) -> tuple[int, int]:
    """One more than the largest ids of users and songs."""
    users = max(int(rows.user.max()) for rows in parts)
    return 1 + users, 1 + max(int(rows.song.max()) for rows in parts)


def settings_of(warehouse: Warehouse, model: str) -> dict[str, Any]:
    """Those by which the pipeline has fitted the model."""
    return trained(warehouse, model).parameters


def trained(warehouse: Warehouse, model: str) -> Trained:
    """What the pipeline tells of the model's training.

    Raises:
        DataContractError: there was none.
    """
    told = manifests.told(stages.of_model(model).name, warehouse, Trained)
    if told is None:
        raise DataContractError(f"{warehouse.root}: {model} was not trained")
    return told


def timed(work: Callable[[], Found]) -> tuple[Found, float]:
    """What it returns, and its seconds."""
    started = time.monotonic()
    found = work()
    return found, time.monotonic() - started
