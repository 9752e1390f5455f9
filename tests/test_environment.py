"""What jobs say of a machine on which Spark would not start, or another Spark would."""

import os
from pathlib import Path

import pyspark
import pytest

from ymr_spark.runtime import environment


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environment.GATEWAY, raising=False)


def test_nothing_to_say() -> None:
    assert environment.spark_problem() is None
    assert environment.user_problem() is None
    assert environment.java_problem() is None


@pytest.mark.parametrize("version", ["3.5.3", "4.1.0", "40.0.0"])
def test_a_spark_of_another_version(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(pyspark, "__version__", version)
    problem = environment.spark_problem() or ""
    assert f"pyspark {version} in {Path(pyspark.__file__).parent}" in problem
    assert "needs Spark 4.0; unset PYTHONPATH" in problem
    monkeypatch.setenv(environment.GATEWAY, "1")
    assert "submit by one of that version" in (environment.spark_problem() or "")


def test_a_pyspark_before_the_own_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "__init__.py"
    other.touch()
    own = str(Path(pyspark.__file__).parent)
    monkeypatch.setattr(pyspark, "__file__", str(other))
    problem = environment.spark_problem() or ""
    assert f"in {tmp_path}, installed is {own}; unset PYTHONPATH" in problem
    # spark-submit brings its own, of the same version.
    monkeypatch.setenv(environment.GATEWAY, "1")
    assert environment.spark_problem() is None


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 2_000_000_011)
    problem = environment.user_problem() or ""
    assert "2000000011 has no name" in problem
    assert "ymr:x:2000000011:" in problem


def test_options_that_java_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:+NoSuchThing")
    problem = environment.java_problem() or ""
    assert "NoSuchThing" in problem
    assert "mend or unset JAVA_TOOL_OPTIONS=-XX:+NoSuchThing" in problem


def test_the_doctor_tells_what_is_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SPARK_HOME", "PYSPARK_PYTHON", "JAVA_TOOL_OPTIONS", "HADOOP_CONF_DIR"):
        monkeypatch.setenv(name, f"-Dof={name}")
    monkeypatch.setattr("sys.argv", ["doctor"])
    environment.main()
    said = capsys.readouterr().out.splitlines()
    assert (
        "• SPARK_HOME=-Dof=SPARK_HOME: plain `python` does without it, spark-submit does not"
        in said
    )
    assert "• JAVA_TOOL_OPTIONS=-Dof=JAVA_TOOL_OPTIONS: goes for each JVM that jobs start" in said
    assert sum(line.startswith("•") for line in said) >= 4
