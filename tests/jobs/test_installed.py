"""An environment that has the wheel, and nothing of the source tree."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pyspark
import pytest
import raw_files
import wheels

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def ymr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console command of an environment with the wheel and the locked packages."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "environment", symlinks=True)
    (site,) = folder.glob("environment/lib/python*/site-packages")
    # The editable library is in a .pth file there, which is not followed from here.
    (site / "packages.pth").write_text(str(Path(pyspark.__file__).parent.parent))
    wheel = wheels.build(tmp_path_factory.mktemp("wheel"))
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--offline"]
    python = folder / "environment" / "bin" / "python"
    subprocess.run([*install, "--python", str(python), str(wheel)], check=True)
    return python.parent / "ymr"


def run(*command: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "YMR"))}
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True)


def test_stages_in_any_folder(ymr: Path, tmp_path: Path) -> None:
    train, test = (b"".join(lines) for lines in raw_files.ratings(40, 30, seed=1))
    raw_files.write(tmp_path / "raw", train, test)
    words = ["--conf", "sample.yaml", "--set", "raw={source: folder, folder: raw}"]
    words += ["--set", "warehouse=warehouse"]
    for stage in (["ingest"], ["pack"], ["train", "--model", "bias"]):
        done = run(ymr, *stage, *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Reconfiguration failed" not in done.stderr  # log4j2 finds the shipped file
        assert json.loads(done.stdout.splitlines()[-1])["rows"] > 0
    assert (tmp_path / "warehouse" / "tables" / "bias_users").is_dir()


def test_a_commit_is_that_of_the_library_or_none(ymr: Path, tmp_path: Path) -> None:
    code = "from ymr_spark.pipeline import certificate as c; print(c.__file__, c._commit())"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x", "-C", str(ymr.parent.parent)]
    run(*git, "init", "--quiet", cwd=tmp_path)
    run(*git, "commit", "--quiet", "--allow-empty", "--message", "another", cwd=tmp_path)
    file, commit = run(ymr.parent / "python", "-c", code, cwd=tmp_path).stdout.split()
    assert Path(file).is_relative_to(ymr.parent.parent)
    assert commit == "None"
