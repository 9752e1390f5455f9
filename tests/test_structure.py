"""The arrows between files, read off their imports."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("jobs/*.py"), *ROOT.glob("ymr_spark/**/*.py")])
# What jobs share; everything else takes plain values and does no input or output.
FRAME = ("ymr_spark.pipeline", "ymr_spark.runtime.session")
TENSORFLOW = ("ymr_spark/models/two_tower", "ymr_spark/shards/reader")
# In the shape of pyspark.ml; it loads the others of its folder where a training begins.
ESTIMATORS = [
    ROOT / f"ymr_spark/models/two_tower/{name}.py" for name in ("estimators", "shard_estimator")
]
WITHOUT_TENSORFLOW = {
    f"ymr_spark.models.two_tower{name}"
    for name in ("", ".dense", ".joint_model", ".shard_estimator", ".stopping")
}
# From the top to the ground: a floor imports those below it.
FLOORS = (
    *("report", "evaluation", "search", "prediction", "lists"),
    *("models", "shards", "statistics", "sources"),
    *("records", "packing", "ratings", "scale", "runtime", "store"),
)
# Each imports those after it, by what is at the top of its files.
MODELS = ("two_tower", "neighbors", "linear")
# Answers about one user and song, read out of the warehouse.
READS_TABLES = "prediction"
SCHEDULED = (
    "ymr_spark.models.registry",
    "ymr_spark.pipeline.stages",
    "ymr_spark.pipeline.settings",
)
# Programs, settings files and scratch folders are of this machine; data may lie anywhere.
OF_THIS_MACHINE = {
    *("ymr_spark/__main__.py", "ymr_spark/shipped.py", "ymr_spark/setting_types.py"),
    *("ymr_spark/pipeline/job_process.py", "ymr_spark/pipeline/provenance.py"),
    "ymr_spark/pipeline/prometheus.py",
    *("ymr_spark/pipeline/settings_file.py", "jobs/pipeline.py", "jobs/convert_movielens.py"),
    *("ymr_spark/models/two_tower/training.py", "ymr_spark/models/two_tower/workers.py"),
    *("ymr_spark/shards/reader.py", "ymr_spark/shards/counts.py"),
    # A wheel is fetched, archives are unpacked, and compressed files are told apart by it.
    *("ymr_spark/sources/movielens.py", "ymr_spark/sources/archives.py"),
    "ymr_spark/sources/raw_file.py",
}
FILE_SYSTEMS = {
    *("pathlib.Path", "shutil", "tempfile", "glob", "mmap", "fcntl"),
    *("fsspec", "s3fs", "hdfs_native", "pyarrow.fs"),
}


def imports(nodes: Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def imported(path: Path) -> set[str]:
    return set(imports(ast.walk(ast.parse(path.read_text()))))


def of_package(names: set[str], *packages: str) -> set[str]:
    return {n for n in names for p in packages if n == p or n.startswith(f"{p}.")}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_deep(path: Path) -> bool:
    return name_of(path).startswith(TENSORFLOW) and path not in ESTIMATORS


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_arrows_point_one_way(path: Path) -> None:
    names = imported(path)
    assert not {n for n in names if n.split(".")[0] in ("jobs", "tests")}
    tops = {n.split(".")[0] for n in names}
    assert is_deep(path) or not tops & {
        "tensorflow",
        "tensorflow_recommenders",
        "keras",
        "tf_keras",
    }


def calls(path: Path) -> set[str]:
    found = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return {node.func.id for node in found if isinstance(node.func, ast.Name)}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_what_knows_a_file_system_is_in_the_store(path: Path) -> None:
    if name_of(path).startswith(("ymr_spark/store/", "ymr_spark/runtime/")):
        return
    assert "open" not in calls(path)
    used = of_package(imported(path), *FILE_SYSTEMS)
    assert bool(used) == (name_of(path) in OF_THIS_MACHINE), used
    if used:
        assert used <= {"pathlib.Path", "shutil"}


def reached(path: Path) -> set[Path]:
    """The files that a file imports, and those that they import."""
    found, ahead = set(), {path}
    while ahead:
        found |= ahead
        places = {ROOT / name.replace(".", "/") for file in ahead for name in imported(file)}
        files = {p / "__init__.py" for p in places} | {p.with_suffix(".py") for p in places}
        ahead = {file for file in files if file.exists()} - found
    return found


@pytest.mark.parametrize("path", [p for p in SOURCES if is_deep(p)], ids=name_of)
def test_what_tensorflow_trains_with_needs_no_spark(path: Path) -> None:
    for file in reached(path):
        assert not of_package(imported(file), "pyspark"), file


def floor_of(path: Path) -> str | None:
    name = path.relative_to(ROOT / "ymr_spark").with_suffix("").parts[0]
    return name if name in FLOORS else None


OF_FLOORS = [p for p in SOURCES if p.is_relative_to(ROOT / "ymr_spark") and floor_of(p)]


@pytest.mark.parametrize("path", OF_FLOORS, ids=name_of)
def test_floors_point_down(path: Path) -> None:
    names, floor = imported(path), floor_of(path)
    above = FLOORS[: FLOORS.index(floor)]
    assert not of_package(names, *(f"ymr_spark.{name}" for name in above))
    if floor != READS_TABLES:
        assert not of_package(names, *FRAME)


@pytest.mark.parametrize("kind", MODELS)
def test_kinds_of_models_point_down(kind: str) -> None:
    above = [f"ymr_spark.models.{name}" for name in MODELS[: MODELS.index(kind)]]
    for path in ROOT.glob(f"ymr_spark/models/{kind}/*.py"):
        assert not of_package(imported(path), *above), path


def test_estimators_load_tensorflow_where_a_training_begins() -> None:
    bodies = (iter(ast.parse(path.read_text()).body) for path in ESTIMATORS)
    at_import = {name for body in bodies for name in imports(body)}
    folder = of_package(at_import, "ymr_spark.models.two_tower")
    assert {".".join(n.split(".")[:4]) for n in folder} <= WITHOUT_TENSORFLOW
    assert not of_package(at_import, "ymr_spark.shards.reader")
    assert "tensorflow" not in loaded("ymr_spark.models.two_tower.estimators")


def test_schedulers_read_the_stages_without_spark() -> None:
    assert not loaded(*SCHEDULED) & {"pyspark", "py4j", "delta", "tensorflow", "petastorm"}


def test_executors_that_ingest_need_numpy_and_pyarrow_alone() -> None:
    others = {"pydantic", "scipy", "numba", "pandas", "deltalake", "implicit"}
    others |= {"tensorflow", "petastorm"}
    ways = ("ymr_spark.sources.r2.ingestion", "ymr_spark.sources.recognition")
    assert not loaded(*ways, "ymr_spark.sources.table.ingestion") & others


def loaded(*modules: str) -> set[str]:
    """The packages that a new process has loaded once it has imported these modules."""
    script = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_there_is_a_file_on_every_floor() -> None:
    assert {floor_of(path) for path in OF_FLOORS} == set(FLOORS)


@pytest.mark.parametrize("path", sorted(ROOT.glob("jobs/*.py")), ids=name_of)
def test_a_job_says_what_it_reads_and_writes(path: Path) -> None:
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[0]
    assert " -> " in first
    assert ": " in first
