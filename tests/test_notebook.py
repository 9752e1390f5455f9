"""The notebook runs from its first cell to its last, and shows what is kept of it."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent


def tables(notebook: Any) -> list[str]:
    """The tables shown, as text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [output.data for output in outputs if output.output_type == "execute_result"]
    return [data["text/plain"] for data in shown if "text/html" in data]


@pytest.mark.cluster
def test_it_shows_what_it_has_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "PYSPARK_SUBMIT_ARGS", "--master local[2] --conf spark.ui.enabled=false pyspark-shell"
    )
    kept = nbformat.read(ROOT / "docs/movielens.ipynb", as_version=4)
    found = nbformat.read(ROOT / "docs/movielens.ipynb", as_version=4)
    NotebookClient(found, timeout=600, resources={"metadata": {"path": str(ROOT)}}).execute()
    assert len(tables(found)) == 2
    assert tables(found) == tables(kept)
    assert (ROOT / "docs/movielens.ipynb").stat().st_size < 100_000
