"""A session is the same on any machine and cluster: what that sets otherwise does not count."""

import locale
import os
import shlex
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pyspark
import pytest
from pyspark.sql import SparkSession

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.runtime import environment, jars, session
from ymr_spark.store.remote import Remote


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Takes back what a test sets in the environment."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    return monkeypatch


def test_what_stages_need_is_set(spark: SparkSession) -> None:
    assert {key: spark.conf.get(key) for key in session.ALWAYS} == session.ALWAYS
    assert session.ALWAYS["spark.sql.execution.arrow.maxRecordsPerBatch"] == "1000000"


def test_paths_are_those_of_this_machine(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    spark.range(3).write.parquet(str(path))
    assert list(path.glob("*.parquet"))
    assert spark.read.parquet(str(path)).checkpoint().count() == 3
    assert (spark.sparkContext.getCheckpointDir() or "").startswith("file:/")


def test_another_spark_is_not_taken(own: pytest.MonkeyPatch) -> None:
    for name in (*environment.OF_ANOTHER_SPARK, *environment.OF_SPARK_CONNECT):
        own.setitem(os.environ, name, "/no/such")
    session._act_as_spark_submit(None)
    assert os.environ["SPARK_HOME"] == str(Path(pyspark.__file__).parent)
    assert os.environ["PYSPARK_PYTHON"] == sys.executable
    assert "/no/such" not in os.environ.values()


def test_a_name_that_does_not_resolve(own: pytest.MonkeyPatch) -> None:
    own.delitem(os.environ, "SPARK_LOCAL_IP", raising=False)
    session._act_as_spark_submit(None)
    assert "SPARK_LOCAL_IP" not in os.environ
    own.setattr(socket, "gethostname", lambda: "nowhere.invalid")
    session._act_as_spark_submit(None)
    assert os.environ["SPARK_LOCAL_IP"] == "127.0.0.1"


def test_java_names_files_as_python_does(own: pytest.MonkeyPatch) -> None:
    own.setattr(locale, "getencoding", lambda: "ANSI_X3.4-1968")
    session._act_as_spark_submit(None)
    assert os.environ["LC_ALL"] == "C.UTF-8"


def test_a_folder_that_java_does_not_see(spark: SparkSession, tmp_path: Path) -> None:
    session.require_folder(spark, tmp_path)
    with pytest.raises(EnvironmentProblem, match=r"JVM does not.* LC_ALL=C\.UTF-8"):
        session.require_folder(spark, tmp_path / "not there")


def test_a_server_that_is_not_amazons(own: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION"):
        own.delitem(os.environ, name, raising=False)
    assert session._of_s3() == {}
    own.setitem(os.environ, "AWS_REGION", "r")
    assert session._of_s3() == {"fs.s3a.endpoint.region": "r"}
    own.setitem(os.environ, "AWS_ENDPOINT_URL", "http://h:1")
    assert session._of_s3() == {
        "fs.s3a.endpoint": "http://h:1",
        "fs.s3a.endpoint.region": "r",
        "fs.s3a.path.style.access": "true",
    }


@pytest.mark.parametrize("there", [True, False])
def test_the_jars_of_s3_are_on_the_path_where_they_are(
    own: pytest.MonkeyPatch, tmp_path: Path, there: bool
) -> None:
    folder = tmp_path / "jars of s3"
    if there:
        folder.mkdir()
    own.setattr(jars, "S3", replace(jars.S3, folder=folder))
    own.delitem(os.environ, "PYSPARK_SUBMIT_ARGS", raising=False)
    session._act_as_spark_submit(Path(__file__).parent / "spark.conf")
    words = shlex.split(os.environ["PYSPARK_SUBMIT_ARGS"])
    assert words[0] == "--properties-file"
    assert words[2:] == [*["--driver-class-path", f"{folder}/*"] * there, "pyspark-shell"]


def test_a_store_that_java_does_not_reach(spark: SparkSession) -> None:
    with pytest.raises(EnvironmentProblem, match=r"gs://b/x: .*JVM cannot reach it .*cluster\.md"):
        session.require_folder(spark, Remote("gs", "b", "x"))
