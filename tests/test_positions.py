import tracemalloc

import numpy as np
import pytest

from ymr_spark.positions import Positions

LARGEST = 2**24 - 1  # see r2.parsing


@pytest.mark.parametrize("spread", [1, 3, 100, 50_000])
def test_each_id_is_found_where_it_stands(spread: int) -> None:
    random = np.random.default_rng(spread)
    ids = np.unique(np.append(random.integers(0, 300 * spread, 300), 7)).astype(np.int32)
    asked = random.permutation(np.repeat(ids, 3))
    assert Positions(ids).of(asked).tolist() == np.searchsorted(ids, asked).tolist()


@pytest.mark.parametrize("ids", [[0], [LARGEST], [0, LARGEST], [63, 64, 127, 128, LARGEST - 1]])
def test_at_the_edges_of_pages_and_of_what_ingest_takes(ids: list[int]) -> None:
    positions = Positions(np.array(ids, np.int32))
    assert positions.of(np.array(ids, np.int32)).tolist() == list(range(len(ids)))


def test_a_few_ids_far_apart_take_little_memory() -> None:
    ids = np.linspace(0, LARGEST, 300).astype(np.int32)
    tracemalloc.start()
    positions = Positions(ids)
    positions.of(ids)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 2**20
