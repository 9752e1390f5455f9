import pytest
import told

from ymr_spark import schemas
from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.pipeline import publication
from ymr_spark.pipeline.warehouse import Warehouse

SPLITS = {"train": Identity(1, "aa")}


def test_what_ingest_measured_is_of_one_version_of_the_ratings(warehouse: Warehouse) -> None:
    row = {"user_id": 1, "song_id": 2, "rating": 3, "split": "train", "part": 0}
    assert row.keys() == {*schemas.RATINGS.fieldNames()}
    measured = told.ingested(SPLITS, warehouse.save([row], "ratings"))
    with pytest.raises(DataContractError, match=r"version 0 is not the one.*ingest\.py --force"):
        publication.train_identity(warehouse)
    told.write(warehouse, "ingest", measured)
    assert publication.train_identity(warehouse) == SPLITS["train"]
    warehouse.save([row], "ratings")
    with pytest.raises(DataContractError, match="version 1 is not the one that ingest measured"):
        publication.train_identity(warehouse)
