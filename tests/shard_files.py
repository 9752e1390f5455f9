"""Folders of shards for tests, written without Spark."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ymr_spark.shards import manifest
from ymr_spark.shards.manifest import Manifest, Split

COLUMNS = {"user_index": "int", "song_index": "int", "rating": "tinyint"}


def write(folder: Path, splits: dict[str, np.ndarray], row_groups: int = 4) -> Manifest:
    """Shards of (user_index, song_index, rating) rows, in the order given."""
    sizes = {}
    for split, rows in splits.items():
        (folder / split).mkdir(parents=True)
        sizes[split] = {
            _write_file(folder / split / f"row-group-{i:05d}.parquet", part): len(part)
            for i, part in enumerate(np.array_split(rows, row_groups))
        }
    contents = Manifest(
        ratings_version=7,
        seed=1,
        columns=COLUMNS,
        index_sizes={
            side: int(splits["train"][:, i].max()) for i, side in enumerate(("user", "song"))
        },
        splits={
            split: Split(
                rows=len(rows),
                hash="",
                mean_rating=rows[:, 2].mean(),
                row_groups=sizes[split],
            )
            for split, rows in splits.items()
        },
        files=manifest.files_of(folder),
    )
    (folder / manifest.NAME).write_text(contents.model_dump_json())
    return contents


def _write_file(path: Path, rows: np.ndarray) -> str:
    types = (np.int32, np.int32, np.int8)
    columns = {n: rows[:, i].astype(t) for i, (n, t) in enumerate(zip(COLUMNS, types, strict=True))}
    pq.write_table(pa.table(columns), path)
    return path.name
