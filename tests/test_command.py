"""`ymr COMMAND …`, by `python -m ymr_spark`: with or without an installation the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ymr_spark import shipped

ROOT = Path(__file__).parent.parent
JOBS = sorted(path.stem for path in ROOT.glob("jobs/*.py"))


def ymr(*words: str, python: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *python, "-m", "ymr_spark", *words]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd="/", env=environ, capture_output=True, text=True)


@pytest.mark.parametrize("words", [(), ("--help",)])
def test_the_list_needs_python_alone(words: tuple[str, ...]) -> None:
    done = ymr(*words, python=("-S",))  # no installed package can be imported
    assert done.returncode == 0, done.stderr
    listed = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith("  ")}
    assert [*listed] == [*JOBS, "setup", "doctor", "cluster"]
    assert " raw ratings -> ratings, songs, genres, ids, quarantine: " in listed["ingest"]


def test_an_unknown_command_is_a_usage_error() -> None:
    done = ymr("ingets", "--conf", "sample.yaml", python=("-S",))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "no command ingets" in done.stderr
    assert all(f"  {name} " in done.stderr for name in JOBS)


def test_a_stage_is_the_job_with_its_arguments_and_its_exit_code(tmp_path: Path) -> None:
    words = ["--set", f"warehouse={tmp_path}", "--set", "raw.source=folder"]
    done = ymr("ingest", "--conf", "sample.yaml", *words, "--set", "raw.folder=/no/such")
    assert done.returncode == 3
    assert " ingest: /no/such" in done.stderr


def test_the_machine_is_looked_at() -> None:
    assert "Puts the Delta JARs" in ymr("--help").stdout
    assert ymr("doctor", "--java").returncode == 0


def test_a_bare_name_is_the_shipped_file_where_there_is_no_such_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shipped.settings_file("sample.yaml") == ROOT / "conf" / "sample.yaml"
    for name in ("./conf/sample.yaml", "other/sample.yaml", "no-such.yaml", "/sample.yaml"):
        assert shipped.settings_file(name) == Path(name)
    Path("sample.yaml").touch()
    assert shipped.settings_file("sample.yaml") == Path("sample.yaml")
