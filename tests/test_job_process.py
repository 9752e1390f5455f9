"""Jobs one after the other in a process of theirs."""

import json
import time
from pathlib import Path

import psutil
import pytest
from pyspark.sql import SparkSession

from ymr_spark.pipeline.job_process import JobProcess
from ymr_spark.runtime import session

TELLING = """
import json, os, sys

def main(argv):
    with open(os.environ["TOLD"], "a") as file:
        print(json.dumps({"pid": os.getpid(), "argv": argv}), file=file)
    print("not to be seen here")
    return 3 if argv == ["fail"] else 0
"""
DYING = "import os\n\ndef main(argv):\n    os._exit(7)\n"
REFUSING = "import argparse\n\ndef main(argv):\n    argparse.ArgumentParser().parse_args(argv)\n"
SLEEPING = "import time\n\ndef main(argv):\n    time.sleep(600)\n"


def job(folder: Path, code: str) -> Path:
    script = folder / "job.py"
    script.write_text(code)
    return script


def nothing() -> None:
    pass


def test_jobs_share_a_process_that_is_not_this_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script, environ = job(tmp_path, TELLING), {"TOLD": str(tmp_path / "told")}
    with JobProcess() as process:
        assert process.run(script, ["a", "b"], environ, 20, nothing) == 0
        assert process.run(script, ["fail"], environ, 20, nothing) == 3
    assert capfd.readouterr().out == ""
    one, other = map(json.loads, (tmp_path / "told").read_text().splitlines())
    assert one["argv"] == ["a", "b"]
    assert one["pid"] == other["pid"] != psutil.Process().pid
    assert not psutil.pid_exists(one["pid"])


@pytest.mark.parametrize(("code", "status"), [(DYING, 7), (REFUSING, 2)])
def test_a_process_that_ends_in_a_job_has_its_exit_code(
    tmp_path: Path, code: str, status: int
) -> None:
    with JobProcess() as process:
        assert process.run(job(tmp_path, code), ["--unknown"], {}, 20, nothing) == status


def test_a_job_that_is_waited_for_no_more_is_ended(tmp_path: Path) -> None:
    found: list[psutil.Process] = []

    def give_up() -> None:
        children = psutil.Process().children()
        found.extend(child for child in children if "spawn_main" in " ".join(child.cmdline()))
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), JobProcess() as process:
        process.run(job(tmp_path, SLEEPING), [], {}, 0.1, give_up)
    assert time.monotonic() - started < 60
    (ended,) = found
    assert not ended.is_running()


def test_no_job_needs_no_process() -> None:
    before = psutil.Process().children()
    with JobProcess():
        assert psutil.Process().children() == before


def test_a_kept_session_goes_on_without_what_was_cached(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_kept", True)
    frame = spark.range(10).cache()
    rows = spark.sparkContext.parallelize([1, 2]).cache()
    assert frame.count() + rows.count() == 12
    session.leave(spark)
    assert not frame.storageLevel.useMemory
    assert not spark.sparkContext._jsc.getPersistentRDDs()
    assert session.build("next").range(3).count() == 3
    assert session.build("next").sparkContext is spark.sparkContext
