from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shard_files

from ymr_spark.errors import DataContractError
from ymr_spark.shards import inventory


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    rows = np.ones((8, 3), int)
    shard_files.write(tmp_path / "shards", {"train": rows, "validation": rows})
    return tmp_path / "shards"


Damage = Callable[[Path], object]


def test_an_untouched_folder_is_accepted(shards: Path) -> None:
    contents = inventory.verify(shards, ratings_version=7)
    assert contents.splits["train"].rows == 8
    assert len(contents.files) == 8


@pytest.mark.parametrize(("name", "damage", "expected"), shard_files.DAMAGES)
def test_whatever_differs_is_refused(
    shards: Path, name: str, damage: Damage, expected: str
) -> None:
    damage(shards / name)
    with pytest.raises(DataContractError, match=rf"{name}.*{expected}.*export_shards") as refusal:
        inventory.verify(shards)
    assert refusal.value.exit_code == 3


def test_shards_of_another_version_are_refused(shards: Path) -> None:
    with pytest.raises(DataContractError, match=r"version 7 .* expected version 8"):
        inventory.verify(shards, ratings_version=8)
