"""One line an event: plain for people, JSON with run and stage for machines; nothing secret."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import told

from ymr_spark.pipeline import manifests, runs, settings_file, stages
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.runtime import logs

ROOT = Path(__file__).parent.parent
PLANTED = "s3cr3t-that-must-not-be-told"


def job(*arguments: str) -> list[str]:
    """The lines on stderr of an ingest that finds no raw files."""
    command = [sys.executable, "jobs/ingest.py", "--conf", "conf/sample.yaml", *arguments]
    command += ["--set", "raw.source=folder", "--set", "raw.folder=/no/such", "--run-id", "r1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 3
    return done.stderr.splitlines()


def test_json_lines_have_run_and_stage(tmp_path: Path) -> None:
    lines = [
        json.loads(line) for line in job("--set", f"warehouse={tmp_path}", "--set", "logs=json")
    ]
    assert lines
    for line in lines:
        assert line["run_id"] == "r1"
        assert line["stage"] == "ingest"
        assert line["ts"].endswith("Z")
    assert "/no/such" in lines[-1]["msg"]


def test_plain_lines_have_the_stage(tmp_path: Path) -> None:
    lines = job("--set", f"warehouse={tmp_path}")
    assert len(lines) == 1
    assert " ingest: /no/such" in lines[0]


def test_an_exception_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.root.handlers[:]
    try:
        logs.configure("json", "summarize", "r2")
        try:
            raise ValueError("wrong")
        except ValueError:
            logging.getLogger("t").exception("failed")
    finally:
        logging.root.handlers[:] = before
        for name in (logs.RUN_ID, logs.STAGE):
            os.environ.pop(name)
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert found["exception"]["class"] == "ValueError"
    assert (found["run_id"], found["stage"]) == ("r2", "summarize")


def test_manifests_do_not_tell_how_jobs_are_submitted(tmp_path: Path) -> None:
    submit = f"spark_submit=[spark-submit, --conf, spark.hadoop.fs.s3a.secret.key={PLANTED}]"
    read = settings_file.load(ROOT / "conf" / "sample.yaml", [submit, "one_jvm=false"])
    assert PLANTED in str(read)
    warehouse = Warehouse(tmp_path)
    for stage in stages.STAGES:
        made = runs.fingerprint(stage, warehouse, read, "")
        manifests.write(stage, warehouse, "r", made, told.of(stage), told.COST)
    written = list(tmp_path.glob("runs/r/*.json"))
    assert len(written) == len(stages.STAGES)
    assert not [path for path in written if PLANTED in path.read_text()]
