"""Several models by one process, as a user types it: a stage, and so a manifest, each."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import raw_files
import told
from on_disk import Warehouse
from pyspark.sql import SparkSession

from jobs import ingest
from ymr_spark.pipeline.settings import Settings

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def ingested(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    root = tmp_path_factory.mktemp("train")
    warehouse = Warehouse(root / "ware house", root / "raw")
    train, test = (b"".join(lines) for lines in raw_files.ratings(40, 30, seed=1))
    raw_files.write(warehouse.raw, train, test)
    measured = ingest.run(spark, warehouse, Settings())
    told.write(warehouse, "ingest", measured)
    told.packed(spark, warehouse)
    return Warehouse(warehouse.root, warehouse.raw)


def train(warehouse: Warehouse, run_id: str, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "jobs/train.py", "--conf", "conf/sample.yaml", "--run-id", run_id]
    own = [f"warehouse={warehouse.root}", f"raw.folder={warehouse.raw}", "als.iterations=2"]
    own += ["spark_defaults=tests/spark.conf"]
    command += [word for setting in own for word in ("--set", setting)]
    return subprocess.run([*command, *words], cwd=ROOT, capture_output=True, text=True)


def manifests(warehouse: Warehouse, run_id: str) -> dict[str, dict[str, Any]]:
    found = sorted((warehouse.root / "runs" / run_id).glob("*.json"))
    return {path.stem: json.loads(path.read_text()) for path in found}


@pytest.mark.slow
def test_a_model_without_what_it_starts_from(ingested: Warehouse) -> None:
    done = train(ingested, "r0", "--model", "als")
    assert done.returncode == 3
    assert "bias_users: not there or empty; run jobs/train.py --model bias first" in done.stderr


@pytest.mark.cluster
def test_models_that_start_from_one_another_by_one_process(ingested: Warehouse) -> None:
    models = ("--model", "als", "--model", "bias")
    done = train(ingested, "r1", *models)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line).items() >= {"stage": "train", "status": "done"}.items()
    first = manifests(ingested, "r1")
    assert {name: m["model"] for name, m in first.items()} == {
        "train_als": "als",
        "train_bias": "bias",
    }
    read, written = first["train_als"]["fingerprint"]["inputs"], first["train_bias"]["outputs"]
    for table in ("bias_users", "bias_songs"):
        assert read[table] == written[table] is not None

    again = train(ingested, "r2", *models, "--set", "als.rank=3")
    assert again.returncode == 0, again.stderr
    (fitted,) = manifests(ingested, "r2").values()
    assert (fitted["model"], fitted["parameters"]["rank"]) == ("als", 3)
