import pytest

from ymr_spark import schemas
from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import publication, runs, stages
from ymr_spark.pipeline.warehouse import Warehouse

SPLITS = {"train": {"rows": 1, "hash": "aa"}}


def test_what_ingest_measured_is_of_one_version_of_the_ratings(warehouse: Warehouse) -> None:
    row = {"user_id": 1, "song_id": 2, "rating": 3, "split": "train", "part": 0}
    assert row.keys() == {*schemas.RATINGS.fieldNames()}
    measured = {"splits": SPLITS, "ratings_version": warehouse.save([row], "ratings")}
    with pytest.raises(DataContractError, match=r"version 0 is not the one.*ingest\.py --force"):
        publication.train_identity(warehouse)
    runs.write_manifest(stages.named("ingest"), warehouse, "r", {}, measured)
    assert publication.train_identity(warehouse) == (1, "aa")
    warehouse.save([row], "ratings")
    with pytest.raises(DataContractError, match="version 1 is not the one that ingest measured"):
        publication.train_identity(warehouse)
