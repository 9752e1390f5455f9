"""A tenth model is one file and one entry: contract, pipeline and leaderboard have it then."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MODEL = '''"""Each item's own mean, shrunk to that of all ratings."""

from typing import Any

import numpy as np

from ymr_spark.models import sections
from ymr_spark.models.estimator import RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear import totals
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.train_ratings import TrainRatings


class ItemMeanModel(LinearModel):
    """A fitted `ItemMean`."""


class ItemMean(RatingEstimator[ItemMeanModel]):
    """mean + b_item, b_item = sum of (r - mean) / (ratings + damping)."""

    section = sections.UserLean
    falls_back = False

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> ItemMeanModel:
        users, songs = totals.of_owners(ratings.by_user), totals.of_others(ratings.by_user)
        offsets = (songs.stars - songs.mean * songs.ratings) / (songs.ratings + settings["damping"])
        of_users, of_songs = (users.ids, np.zeros(len(users.ids))), (songs.ids, offsets)
        return ItemMeanModel(
            FactorModel.of_offsets("item_mean", songs.mean, of_users, of_songs, ratings.scale)
        )
'''
ENTRY = '    Entry("item_mean", f"{_LINEAR}.item_mean:ItemMean", "UserLean"),\n'


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with one file more and one entry more."""
    root = tmp_path_factory.mktemp("tenth")
    for folder in ("ymr_spark", "jobs", "conf", "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "ymr_spark" / "models" / "linear" / "item_mean.py").write_text(MODEL)
    registry = root / "ymr_spark" / "models" / "registry.py"
    before, entries = registry.read_text().split("MODELS = (\n")
    registry.write_text(f"{before}MODELS = (\n{ENTRY}{entries}")
    return root


def run(copy: Path, *command: str) -> str:
    environ = os.environ | {"PYTHONPATH": str(copy)}
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.cluster
def test_it_passes_the_contract(copy: Path) -> None:
    contract = "tests/models/test_contract.py"
    found = run(copy, "-m", "pytest", contract, "-k", "item_mean", "-p", "no:cacheprovider")
    assert " passed" in found or "100%" in found


@pytest.mark.cluster
def test_it_is_on_the_leaderboard_and_makes_lists(copy: Path) -> None:
    settings = [
        *("planted.users=60", "planted.songs=100", "planted.train_ratings=2000"),
        *("models=[bias, item_mean]", "recommend.model=item_mean", "recommend.k=3"),
        *("warehouse=build/w", "raw.folder=build/w/raw", "spark_defaults=tests/spark.conf"),
    ]
    words = [word for setting in settings for word in ("--set", setting)]
    run(copy, "jobs/pipeline.py", "--conf", "conf/sample.yaml", *words)
    board = json.loads((copy / "build/w/reports/leaderboard.json").read_text())
    assert {model["name"] for model in board["models"]} == {"bias", "item_mean"}
    assert {row["name"] for row in board["lists"]} >= {"bias", "item_mean"}
