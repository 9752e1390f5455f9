"""What readers of other languages take: no NaN, no Infinity."""

import json
import math
from typing import Any

import pytest
import told

from ymr_spark import strict_json
from ymr_spark.pipeline import cli
from ymr_spark.pipeline.warehouse import Warehouse

FIGURES = {"rows": 1, "threshold": float("inf"), "curve": [{"mse": float("nan")}, {"mse": 1.5}]}
READ = {"rows": 1, "threshold": None, "curve": [{"mse": None}, {"mse": 1.5}]}


def strictly(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_what_is_not_finite_is_null() -> None:
    assert strictly(strict_json.dumps(FIGURES, indent=1)) == READ
    assert (
        strict_json.dumps((float("-inf"), 2, "NaN", None, True)) == '[null, 2, "NaN", null, true]'
    )


TOLD = told.trained(
    "bias", told={"threshold": math.inf}, learning_curve=told.curve((math.nan, 1.5))
)


def test_the_last_line_of_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.guarded("train_bias", lambda: TOLD) == 0
    found = strictly(capsys.readouterr().out.splitlines()[-1])
    assert found["told"] == {"threshold": None}
    assert [p["train_mse"] for p in found["learning_curve"]] == [None]


def test_a_manifest(warehouse: Warehouse) -> None:
    told.write(warehouse, "train_bias", TOLD)
    found = strictly((warehouse.root / "runs/r/train_bias.json").read_text())
    assert found["told"] == {"threshold": None}
    assert [p["train_mse"] for p in found["learning_curve"]] == [None]
