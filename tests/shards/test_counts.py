from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shard_files

from ymr_spark.shards import counts

# (user, song, rating); albums are of four songs, artists of two albums.
TRAIN = np.array([[1, 1, 5], [1, 2, 4], [3, 2, 1], [3, 6, 2]])


def test_train_rows_of_each_index(tmp_path: Path) -> None:
    held_out = np.array([[2, 1, 3]])
    contents = shard_files.write(tmp_path, {"train": TRAIN, "validation": held_out}, row_groups=2)
    found = counts.of_indices(tmp_path, contents)
    assert found["user_index"].tolist() == [0, 2, 0, 2]
    assert found["song_index"].tolist() == [0, 1, 2, 0, 0, 0, 1]
    assert found["album_index"].tolist() == [0, 3, 1]
    assert found["level"].tolist() == [0, 4]


def test_a_later_row_group_may_lack_the_deepest_level(tmp_path: Path) -> None:
    contents = shard_files.write(tmp_path, {"train": TRAIN}, row_groups=2)
    first = tmp_path / "train" / "row-group-00000.parquet"
    rows = pq.read_table(first)
    level = rows.column_names.index("level")
    deep = pa.array(np.full(rows.num_rows, 3, np.int32))
    pq.write_table(rows.set_column(level, "level", deep), first)
    found = counts.of_indices(tmp_path, contents)
    assert found["level"].tolist() == [0, 4 - rows.num_rows, 0, rows.num_rows]


def test_only_row_groups_of_the_inventory_count(tmp_path: Path) -> None:
    contents = shard_files.write(tmp_path, {"train": TRAIN}, row_groups=2)
    train = contents.splits["train"]
    first = train.model_copy(update={"row_groups": {"train/row-group-00000.parquet": 2}})
    found = counts.of_indices(tmp_path, contents.model_copy(update={"splits": {"train": first}}))
    assert found["user_index"].tolist() == [0, 2, 0, 0]
