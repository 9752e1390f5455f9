"""A folder of shards out of packed ratings: written, read back, and told of in its inventory."""

import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.packing import Packed
from ymr_spark.shards import export, indices, inventory, row_group_files
from ymr_spark.shards.indices import Index
from ymr_spark.store import atomically
from ymr_spark.store.locations import Location


def write(
    folder: Location,
    splits: Mapping[str, Packed],
    index: Index,
    expected: Mapping[str, Identity],
    *,
    ratings_version: int,
    seed: int,
    row_group_rows: int,
    row_groups_multiple: int,
) -> inventory.Inventory:
    """Write the rows that kernels see of each split into a new folder; return its inventory.

    Args:
        splits: `packing.by_user` of each.
        expected: of each split.

    Raises:
        DataContractError: what was written is not what was expected.
    """
    indices.save(index.ids, folder / "indices")
    found = {}
    for split, rated in splits.items():
        groups = export.row_group_count(
            split,
            expected[split].rows,
            row_group_rows=row_group_rows,
            row_groups_multiple=row_groups_multiple,
        )
        order = export.ordered(rated, groups, seed)
        written = row_group_files.write(rated, order, index, folder / split)
        found[split] = _checked(folder, split, written, expected[split])
    contents = inventory.Inventory(
        ratings_version=ratings_version,
        seed=seed,
        scale=splits["train"].scale,
        columns=indices.COLUMNS,
        index_sizes={name: len(values) for name, values in index.ids.items()},
        splits=found,
        files=inventory.files_of(folder),
    )
    atomically.write(folder / inventory.NAME, contents.model_dump_json(indent=1))
    return contents


def _checked(
    folder: Location, split: str, written: pa.Table, expected: Identity
) -> inventory.SplitShards:
    groups: list[dict[str, Any]] = written.to_pylist()
    rows, high, low = (sum(group[n] for group in groups) for n in ("rows", "hash_high", "hash_low"))
    found = Identity.of_halves(rows, high, low)
    if found != expected:
        raise DataContractError(
            f"{folder / split}: {found} written, expected {expected}; "
            "run jobs/ingest.py --force, then this job again"
        )
    return inventory.SplitShards(
        rows=rows,
        hash=found.hash,
        mean_rating=math.fsum(group["stars"] for group in groups) / rows,
        row_groups={
            f"{split}/{row_group_files.name(group['row_group'])}": group["rows"] for group in groups
        },
    )
