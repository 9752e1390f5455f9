"""How many train rows each index has."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from ymr_spark.shards.inventory import Inventory

Ints = npt.NDArray[np.integer[Any]]


def of_indices(folder: Path, contents: Inventory) -> dict[str, Ints]:
    """Train rows (1 + indices,) of each index of each column, 0 for what is unknown.

    Only the row groups that `contents` names are read, one at a time.
    """
    columns = [name for name in contents.columns if name == "level" or name.endswith("_index")]
    sizes = {name: 1 + contents.index_sizes.get(name.removesuffix("_index"), 0) for name in columns}
    found: dict[str, Ints] = {name: np.zeros(size, np.int64) for name, size in sizes.items()}
    for file in contents.splits["train"].row_groups:
        rows = pq.read_table(folder / file, columns=columns)
        for name, so_far in found.items():
            # How many levels there are is not known before all files are read.
            more = np.bincount(rows[name].to_numpy(), minlength=len(so_far))
            found[name] = more + np.pad(so_far, (0, len(more) - len(so_far)))
    return found
