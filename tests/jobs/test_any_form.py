"""The pipeline on one set of ratings in three forms: the same leaderboard."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from builders import noisy_taste
from pyspark.sql import SparkSession

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parent.parent.parent
MODELS = "models=[constant,bias,latent_factor]"


def written(folder: Path, spark: SparkSession) -> list[Path]:
    """Half stars with ids of text."""
    rows = [(f"user {u:x}", f"sóng, {i}", stars / 2) for u, i, stars in noisy_taste(150, 80)]
    table = pd.DataFrame(rows, columns=["userId", "item", "rating"])
    table.to_csv(folder / "ratings.csv", index=False)
    table.sample(frac=1, random_state=1).to_parquet(folder / "ratings.parquet")
    spark.createDataFrame(table).write.format("delta").save(str(folder / "delta"))
    return [folder / name for name in ("ratings.csv", "ratings.parquet", "delta")]


def test_the_same_leaderboard_of_any_form(spark: SparkSession, tmp_path: Path) -> None:
    boards = []
    for place, path in enumerate(written(tmp_path, spark)):
        root = tmp_path / f"w{place}"
        settings = [f"warehouse={root}", "raw.source=auto", f"raw.path={path}", MODELS]
        command = [sys.executable, "jobs/pipeline.py", "--conf", "conf/sample.yaml"]
        command += [w for s in (*settings, "tune.trials=0") for w in ("--set", s)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "taken for a table in" in done.stderr
        board = json.loads((root / "reports/leaderboard.json").read_text())
        for model in board["models"]:
            model = {k: v for k, v in model.items() if not k.endswith("seconds")}
            boards.append((place, model))
        page = (root / "reports/index.html").read_text()
        assert "user " in page
        assert "Genres" not in page
    by_place = [[model for at, model in boards if at == place] for place in range(3)]
    assert by_place[0] == by_place[1] == by_place[2]
    assert len(by_place[0]) == 3
