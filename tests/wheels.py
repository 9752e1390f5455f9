"""The project's wheel, for tests."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
_SOURCES = ("ymr_spark", "jobs", "conf", "pyproject.toml", "setup.py", "README.md", "LICENSE")


def build(folder: Path) -> Path:
    """As `make wheel` builds it, from a copy, which nothing else builds in."""
    for name in _SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, folder / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder / "dist"), "."]
    subprocess.run(command, cwd=folder, check=True)
    (found,) = folder.glob("dist/ymr_spark-*.whl")
    return found
