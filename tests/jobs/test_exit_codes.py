"""What a user sees when something is wrong: the exit code, the way out, no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

ROOT = Path(__file__).parent.parent.parent


def job(
    name: str, *arguments: str, environ: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, f"jobs/{name}.py", "--conf", "conf/sample.yaml", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | (environ or {}), capture_output=True, text=True
    )


@pytest.mark.parametrize("name", ["pipeline", "ingest"])
@pytest.mark.parametrize(
    ("arguments", "environ", "code", "words"),
    [
        (["--set", "als.rnak=3"], {}, 2, "the nearest known key is als.rank"),
        (["--set", "raw.source=folder", "--set", "raw.folder=/no/such"], {}, 3, "/no/such"),
        ([], {"JAVA_HOME": "/no/java"}, 4, "openjdk-17"),
    ],
)
def test_codes(
    tmp_path: Path,
    name: str,
    arguments: list[str],
    environ: dict[str, str],
    code: int,
    words: str,
) -> None:
    done = job(name, "--set", f"warehouse={tmp_path}", *arguments, environ=environ)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["status"] == "failed"


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    done = job(
        "pipeline",
        *("--set", f"warehouse={tmp_path}", "--set", "one_jvm=false"),
        *("--set", "spark_submit=[no-such-submit]"),
    )
    assert done.returncode == 2
    assert "spark_submit: no command no-such-submit" in done.stderr


def test_a_missing_argument_is_a_usage_error() -> None:
    done = subprocess.run(
        [sys.executable, "jobs/ingest.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "--conf" in done.stderr


def test_an_unknown_model_is_a_usage_error() -> None:
    done = job("train", "--model", "bias", "--model", "bais")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "--model: invalid choice: 'bais'" in done.stderr
    assert "'latent_factor'" in done.stderr


def test_a_held_warehouse(tmp_path: Path) -> None:
    from ymr_spark.pipeline import runs
    from ymr_spark.pipeline.warehouse import Warehouse

    with runs.lock(Warehouse(tmp_path), "the-other-run"):
        done = job("ingest", "--set", f"warehouse={tmp_path}")
    assert done.returncode == 5
    assert "the-other-run" in done.stderr


def test_a_jvm_that_cannot_start(tmp_path: Path) -> None:
    words = {"PYSPARK_SUBMIT_ARGS": "--driver-memory 99999999g pyspark-shell"}
    done = job("generate_r2", "--set", f"warehouse={tmp_path}", environ=words)
    assert done.returncode == 4
    assert "Spark does not start" in done.stderr
    assert "spark.driver.memory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("version", ["3.5.3", "4.0.5"])
def test_another_pyspark_on_the_path(tmp_path: Path, version: str) -> None:
    other = tmp_path / "pyspark"
    other.mkdir()
    for path in Path(pyspark.__file__).parent.iterdir():
        (other / path.name).symlink_to(path)
    (other / "version.py").unlink()
    (other / "version.py").write_text(f'__version__: str = "{version}"\n')
    found = {"PYTHONPATH": str(tmp_path)}
    done = job("ingest", "--set", f"warehouse={tmp_path / 'w'}", environ=found)
    assert done.returncode == 4, done.stderr
    assert f"pyspark {version} in {other}" in done.stderr
    assert "unset PYTHONPATH" in done.stderr
    assert "Traceback" not in done.stderr


KILLED = """
import os, signal
from pathlib import Path
from ymr_spark.pipeline import cli
from ymr_spark.runtime import session
from ymr_spark.pipeline.settings import Settings

def work():
    with cli.spark_session("killed", Settings(spark_defaults=Path("tests/spark.conf"))) as spark:
        os.kill(session.jvm_pid(spark), signal.SIGKILL)
        return {"rows": spark.range(3).count()}

raise SystemExit(cli.guarded("killed", work))
"""


@pytest.mark.slow
def test_a_jvm_that_is_killed() -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 4, done.stderr
    assert "spark.driver.memory" in json.loads(done.stdout.splitlines()[-1])["error"]
