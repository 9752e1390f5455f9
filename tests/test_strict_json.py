"""What readers of other languages take: no NaN, no Infinity."""

import json
from typing import Any

import pytest

from ymr_spark import strict_json
from ymr_spark.pipeline import cli, runs
from ymr_spark.pipeline.stages import Stage
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


def test_the_last_line_of_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.guarded("train_bias", lambda: FIGURES) == 0
    assert strictly(capsys.readouterr().out.splitlines()[-1]).items() >= READ.items()


def test_a_manifest(warehouse: Warehouse) -> None:
    runs.write_manifest(Stage("train_bias", (), ()), warehouse, "r", {}, FIGURES)
    assert strictly((warehouse.root / "runs/r/train_bias.json").read_text()).items() >= READ.items()
