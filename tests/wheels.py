"""The project's wheel, and environments with it, for tests."""

import shutil
import subprocess
import sys
import venv
from importlib import metadata
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


def packed(folder: Path, wheel: Path, *packages: str) -> Path:
    """An archive as `make package` packs it, but with these packages and the library alone."""
    python = folder / "environment" / "bin" / "python"
    venv.create(folder / "environment", symlinks=True)
    needed = [f"{name}=={metadata.version(name)}" for name in packages]
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--python", str(python), *needed, str(wheel)], check=True)
    found = folder / "environment.tar.gz"
    pack = [str(Path(sys.executable).parent / "venv-pack"), "--quiet", "--compress-level", "1"]
    pack += ["--prefix", str(folder / "environment"), "--output", str(found)]
    subprocess.run(pack, check=True)
    return found
