"""The wheel alone has the jobs, the settings and the list of the Delta JARs."""

import zipfile
from pathlib import Path

import pytest
import wheels

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel."""
    return set(zipfile.ZipFile(wheels.build(tmp_path_factory.mktemp("wheel"))).namelist())


def test_all_of_the_package_is_in_the_wheel(inside: set[str]) -> None:
    files = [path for path in ROOT.glob("ymr_spark/**/*") if path.is_file()]
    assert {str(p.relative_to(ROOT)) for p in files if p.parent.name != "__pycache__"} <= inside
    assert "ymr_spark/py.typed" in inside


def test_jobs_and_settings_are_in_the_wheel(inside: set[str]) -> None:
    files = [path for path in [*ROOT.glob("jobs/*.py"), *ROOT.glob("conf/*")] if path.is_file()]
    assert {f"ymr_spark/{path.relative_to(ROOT)}" for path in files} <= inside


def test_nothing_else_is_in_the_wheel(inside: set[str]) -> None:
    assert {name.split("/")[0].partition("-")[0] for name in inside} == {"ymr_spark"}
    assert not {name for name in inside if "/examples/" in name or "__pycache__" in name}
