"""What a node exporter would collect, read as Prometheus itself reads it."""

import subprocess
import sys
from pathlib import Path

import pytest
import told
from on_disk import Warehouse
from prometheus_client.parser import text_string_to_metric_families

from jobs import summarize
from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.pipeline import prometheus
from ymr_spark.records.line_counts import LineCounts

Labels = frozenset[tuple[str, str]]


def exposed(path: Path, root: Path) -> dict[str, dict[Labels, float]]:
    """By metric and labels; all are of one warehouse."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(path.read_text()):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("warehouse") == str(root)
            found.setdefault(sample.name, {})[frozenset(labels.items())] = sample.value
    return found


def labels(**values: str) -> Labels:
    return frozenset(values.items())


@pytest.fixture
def run(warehouse: Warehouse) -> Warehouse:
    files = {
        "train_0.txt": LineCounts(100, 97, {"duplicate": 2, "unknown_song": 1}),
        "test_0.txt": LineCounts(20, 20, {}),
    }
    splits = {"train": Identity(97, "0a"), "test": Identity(20, "0b")}
    told.write(warehouse, "ingest", told.ingested(splits, 0, files=files, rows=117))
    told.write(warehouse, "train_als", told.trained("als"))
    board = told.board(told.entry("als", 1.25), lists=(told.listed("als", 0.5),))
    (warehouse.root / "reports").mkdir()
    (warehouse.root / "reports" / "leaderboard.json").write_text(board.as_json())
    return warehouse


def test_figures_of_the_last_runs(run: Warehouse, tmp_path: Path) -> None:
    prometheus.write(tmp_path / "ymr.prom", run, "pipeline", 0)
    found = exposed(tmp_path / "ymr.prom", run.root)
    assert found["ymr_exit_code"] == {labels(job="pipeline"): 0}
    assert found["ymr_stage_rows"][labels(stage="ingest")] == 117
    assert found["ymr_stage_seconds"][labels(stage="train_als")] == 30
    assert found["ymr_stage_peak_memory_bytes"][labels(stage="train_als")] == 2**31
    assert found["ymr_raw_lines"][labels(file="train_0.txt")] == 100
    wrong = found["ymr_quarantined_lines"]
    assert wrong[labels(file="train_0.txt", reason="duplicate")] == 2
    assert found["ymr_quarantined_share"] == {labels(): 3 / 120}
    assert found["ymr_ratings"] == {labels(split="train"): 97, labels(split="test"): 20}
    assert found["ymr_test_mse"] == {labels(model="als"): 1.25}
    assert found["ymr_test_ndcg_100"] == {labels(model="als"): 0.5}


def test_a_job_that_fails_tells_its_exit_code(warehouse: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "ymr.prom"
    settings = [f"warehouse={warehouse.root}", f"prometheus={file}"]
    arguments = ["--conf", "conf/sample.yaml", "--set", settings[0], "--set", settings[1]]
    assert summarize.main(arguments) == DataContractError.exit_code
    code = exposed(file, warehouse.root)["ymr_exit_code"]
    assert code == {labels(job="summarize"): DataContractError.exit_code}


def test_a_file_that_cannot_be_written_fails_no_job(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    away = warehouse.root / "nowhere" / "ymr.prom"
    settings = [f"warehouse={warehouse.root}", f"prometheus={away}"]
    arguments = ["--conf", "conf/sample.yaml", "--set", settings[0], "--set", settings[1]]
    assert summarize.main(arguments) == DataContractError.exit_code
    assert "prometheus: " in capsys.readouterr().err
    assert not away.exists()


def test_nothing_of_it_is_imported_unless_it_is_asked_for() -> None:
    script = "import sys; from jobs import pipeline; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
