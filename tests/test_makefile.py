"""What `make` hands to the pipeline, seen by a stand-in for Python."""

import os
import subprocess
from pathlib import Path

import pytest

from ymr_spark.pipeline import settings_file
from ymr_spark.pipeline.settings import Settings

ROOT = Path(__file__).parent.parent


def settings_of(tmp_path: Path, target: str, variable: str) -> Settings:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir(exist_ok=True)
    python.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    python.chmod(0o755)
    command = ["make", "--silent", "-o", "setup", target, f"BIN={python.parent}", variable]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    job, _, conf, *options = done.stdout.splitlines()
    assert job == "jobs/pipeline.py"
    return settings_file.load(ROOT / conf, [word for word in options if word != "--set"])


@pytest.mark.parametrize("name", ["r2", "my data/r2", 'it\'s "R2" & more; (é)', "100 %"])
def test_any_folder_has_a_warehouse_of_its_own(tmp_path: Path, name: str) -> None:
    first, second = (
        settings_of(tmp_path, "demo", f"DATA={tmp_path / place / name}") for place in ("a", "b")
    )
    assert first.raw.place == tmp_path / "a" / name
    assert first.raw.source == "auto"
    assert first.warehouse.parent == Path("build")
    assert first.warehouse.name.startswith(f"{Path(name).name}-")
    assert first.warehouse != second.warehouse
    again = settings_of(tmp_path, "demo", f"DATA={os.path.relpath(first.raw.place, ROOT)}/")
    assert again.warehouse == first.warehouse


def test_a_full_run_in_any_folder(tmp_path: Path) -> None:
    found = settings_of(tmp_path, "full", f"WAREHOUSE={tmp_path / 'my wh'}")
    assert found.warehouse == tmp_path / "my wh"
    assert found.raw.folder == tmp_path / "my wh" / "raw"


@pytest.mark.parametrize(
    ("target", "variable", "tuned"),
    [
        ("demo", "DATA=planted", False),
        ("demo", "DATA=movielens-100k", True),
        ("demo", "DATA=/data/r2", True),
        ("full", "WAREHOUSE=build/full", True),
        ("cluster-demo", "DATA=planted", True),
    ],
)
def test_settings_come_from_the_data_but_for_the_sample(
    tmp_path: Path, target: str, variable: str, tuned: bool
) -> None:
    assert bool(settings_of(tmp_path, target, variable).tune.trials) == tuned
