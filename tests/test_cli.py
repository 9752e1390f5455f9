import json
from typing import Any

import pytest

from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import cli
from ymr_spark.records.figures import Figures


class Panic(BaseException):
    """As that of delta-rs, which is no Exception."""


def raising(error: BaseException) -> Any:
    def work() -> Figures:
        raise error

    return work


def test_a_panic_ends_with_a_code_and_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.guarded("ingest", raising(Panic("url"))) == 1
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["stage"], last["status"], last["error"]) == ("ingest", "failed", "Panic: url")


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (lambda: Figures(rows=7), {"status": "done", "rows": 7, "exit_code": 0}),
        (raising(DataContractError("x")), {"status": "failed", "error": "x", "exit_code": 3}),
        (raising(Panic("x")), {"status": "failed", "exit_code": 1}),
    ],
)
def test_whoever_has_submitted_it_is_told(work: Any, told: dict[str, Any]) -> None:
    heard: list[dict[str, Any]] = []
    cli.guarded("ingest", work, heard.append)
    (line,) = heard
    assert line.items() >= ({"stage": "ingest"} | told).items()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_whoever_ends_the_process_is_let_through(error: BaseException) -> None:
    with pytest.raises(type(error)):
        cli.guarded("ingest", raising(error))


@pytest.mark.parametrize("name", ["2026-01-31", "scheduled__2026-01-31T00:00:00+00:00", "é 1"])
def test_plain_run_ids(name: str) -> None:
    assert cli.parser("").parse_args(["--conf", "x", "--run-id", name]).run_id == name


@pytest.mark.parametrize("name", ["a/b", "../x", "..", ".", "", " ", " a", "a\n", "a\0", "x" * 201])
def test_run_ids_that_are_no_folder_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parser("").parse_args(["--conf", "x", "--run-id", name])
    assert ended.value.code == 2
    assert "plain name of a folder" in capsys.readouterr().err
