"""What the report's job takes from the tables for the page."""

from pathlib import Path

import own_ids
import told

from jobs import report
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.description import Description, Example
from ymr_spark.records.figures import Figures, Recommended

LISTS = Description(1, 1.0, None, 0.2, None, (Example(0, {}, {}),))
MANIFESTS = [
    told.manifest("ingest", Figures(rows=1)),
    told.manifest("recommend", Recommended(model="als", verified=1, described=LISTS)),
]
SAMPLE = [{"user_id": 2, "song_id": 1, "rating": 5}]


def test_own_ids_are_of_those_who_are_shown(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    assert report._own_ids(warehouse, SAMPLE, MANIFESTS) == {"user_ids": [], "song_ids": []}
    own_ids.fill(warehouse)
    found = report._own_ids(Warehouse(tmp_path), SAMPLE, MANIFESTS)
    assert {row["user_id"]: row["id"] for row in found["user_ids"]} == {0: "zoe", 2: "Ann Lee"}
    assert [(row["song_id"], row["id"]) for row in found["song_ids"]] == [(1, "=s2")]
