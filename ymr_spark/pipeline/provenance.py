"""What results follow from besides data and settings: the source that a job imports, packages."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

PACKAGES = (
    *("pyspark", "delta-spark", "deltalake", "petastorm", "pyarrow"),
    *("numpy", "scipy", "numba", "implicit"),
    *("tensorflow", "tf-keras", "tensorflow-recommenders"),
)
# They decide whether and where a stage runs, and what it tells of it; not what it computes.
_FRAME = {
    *("errors.py", "shipped.py", "setting_types.py", "store/file_system.py"),
    *("models/sections.py", "models/registry.py"),
    *(f"runtime/{name}.py" for name in ("environment", "failures", "logs", "memory")),
    *(f"pipeline/{name}.py" for name in ("cli", "provenance", "runs", "manifests", "stages")),
    *(f"pipeline/{name}.py" for name in ("settings", "settings_file", "settings_yaml")),
    *("pipeline/settings_raw.py", "records/figures.py", "records/manifest.py"),
}


def packages() -> dict[str, str | None]:
    """The installed version of each package that results follow from, None where it is not."""
    return {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@cache
def code(job: str, *modules: str) -> str:
    """A digest of a job's file and of all that it imports of this library, however far away.

    Args:
        modules: imported by their names only, which the job's source does not show.
    """
    return digest(Path(job), files("ymr_spark"), *modules)


def digest(job: Path, package: Traversable, *modules: str) -> str:
    """`code` for a library `ymr_spark` in that folder, which may lie in a zip file.

    Imports inside of functions count; so do files beside the sources, such as templates.
    """
    text = job.read_bytes()
    named = "".join(f"\nimport {module}" for module in modules)
    sources = _imported(text + named.encode(), package)
    counted = {name: text for name, text in sources.items() if name not in _FRAME}
    counted |= _beside({name.rpartition("/")[0] for name in counted}, package)
    counted["job"] = text
    digests = [[name, hashlib.sha256(text).hexdigest()] for name, text in sorted(counted.items())]
    return hashlib.sha256(repr(digests).encode()).hexdigest()[:16]


def _imported(text: bytes, package: Traversable) -> dict[str, bytes]:
    """The library's sources that a source imports, and they, by path in the library."""
    found: dict[str, bytes] = {}
    waiting = [*_paths(text)]
    while waiting:
        path = waiting.pop()
        file = package.joinpath(path)
        if path not in found and file.is_file():
            found[path] = file.read_bytes()
            waiting += _paths(found[path])
    return found


@cache
def _paths(text: bytes) -> tuple[str, ...]:
    """Where the modules that a source imports lie in the library, if they do."""
    return tuple(_possible_paths(text))


def _possible_paths(text: bytes) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name}" for name in names]
        elif not isinstance(node, ast.Import):
            continue
        for first, *parts in (name.split(".") for name in names):
            if first == "ymr_spark":
                for depth in range(len(parts) + 1):
                    stem = "/".join(parts[:depth])
                    yield from (f"{stem}.py", f"{stem}/__init__.py".removeprefix("/"))


def _beside(folders: set[str], package: Traversable) -> dict[str, bytes]:
    """Files in the folders that are no sources, by path in the library."""
    there = [(folder, file) for folder in folders for file in package.joinpath(folder).iterdir()]
    return {
        f"{folder}/{file.name}": file.read_bytes()
        for folder, file in there
        if file.is_file() and not file.name.endswith((".py", ".pyc"))
    }
