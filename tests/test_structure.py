"""The arrows between files, read off their imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("jobs/*.py"), *ROOT.glob("ymr_spark/**/*.py")])
# What jobs share; everything else takes plain values and does no input or output.
FRAME = {"cli", "publication", "runs", "settings_file", "stages", "warehouse"}
FRAME_ONLY = {f"ymr_spark.{name}" for name in ("session", "settings", "settings_file", "runs")}
TENSORFLOW = ("ymr_spark/models/two_tower", "ymr_spark/shards/reader")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_arrows_point_one_way(path: Path) -> None:
    names = set(imported(path))
    assert not {n for n in names if n.split(".")[0] in ("jobs", "tests")}
    if path.is_relative_to(ROOT / "ymr_spark") and path.stem not in FRAME:
        assert not names & FRAME_ONLY
    deep = name_of(path).startswith(TENSORFLOW)
    tops = {n.split(".")[0] for n in names}
    assert not (deep and "pyspark" in tops)
    assert deep or not tops & {"tensorflow", "tensorflow_recommenders", "keras", "tf_keras"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("jobs/*.py")), ids=name_of)
def test_a_job_says_what_it_reads_and_writes(path: Path) -> None:
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[0]
    assert " -> " in first
    assert ": " in first
