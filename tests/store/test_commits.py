"""Tables in stores: committed by the run that holds the lease, and by no other."""

import pytest

from ymr_spark.errors import WarehouseLocked
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.store import lock
from ymr_spark.store.remote import Remote

GENRES = [{"genre_id": 0, "parent_genre_id": 0, "level": 1, "name": "Unknown", "top_genre_id": 0}]


def test_who_has_lost_the_lease_commits_nothing(store: Remote) -> None:
    root = store.parent / "commits"  # delta-rs does not find all names on HDFS
    mine = Warehouse(root).of_run("mine")
    with lock.held(root, {"run_id": "mine"}):
        assert mine.save(GENRES, "genres") == 0
        assert mine.save(GENRES, "genres") == 1
    with lock.held(root, {"run_id": "other"}):
        with pytest.raises(WarehouseLocked, match="nothing was committed"):
            mine.save([], "genres")
        with pytest.raises(WarehouseLocked):
            mine.anew().save([], "quarantine")
        assert Warehouse(root).of_run("other").save(GENRES * 2, "genres") == 2
    found = Warehouse(root)
    assert found.load("genres").to_pylist() == GENRES * 2
    assert found.version("quarantine") is None
    assert found.missing("genres") == []
    assert found.state("genres") != found.state("quarantine")
