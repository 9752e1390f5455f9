"""CONTRIBUTING.md names files and functions that there are."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PLACEHOLDERS = ("NAME", "FILE")
PATHS = sorted(
    {path for path in re.findall(r"`(\w[\w/]*/[\w/.]*)`", TEXT) if path.split("/")[0] != "reports"}
)
# `file.py`: `one`, or `one`, `two` and `three`
NAMED = re.findall(r"`([\w/]+\.py)`:\s+((?:`\w+`(?:,\s+|\s+and\s+)?)+)", TEXT)


@pytest.mark.parametrize("path", PATHS)
def test_files_and_folders(path: str) -> None:
    assert any(name in path for name in PLACEHOLDERS) or (ROOT / path).exists()


@pytest.mark.parametrize(("path", "names"), NAMED)
def test_functions(path: str, names: str) -> None:
    tree = ast.walk(ast.parse((ROOT / path).read_text()))
    defined = {node.name for node in tree if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert set(re.findall(r"\w+", names.replace(" and ", " "))) <= defined


def test_something_was_looked_at() -> None:
    assert len(PATHS) > 20
    assert len(NAMED) > 15
