"""Calls in processes of their own, which end with the one that asked for them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import cli, stages
from ymr_spark.runtime.side_by_side import SideBySide

WAITING = """
import sys
from ymr_spark.runtime.side_by_side import SideBySide
from test_side_by_side import wait
if __name__ == "__main__":
    with SideBySide() as beside:
        beside.begin(wait, sys.argv[1]).result()
"""


def pid() -> int:
    return os.getpid()


def fail() -> None:
    raise DataContractError("no shards")


def wait(file: str) -> None:
    Path(file).write_text(str(os.getpid()))
    time.sleep(60)


def written(file: Path) -> int:
    for _ in range(200):
        if file.exists() and file.read_text():
            return int(file.read_text())
        time.sleep(0.1)
    raise AssertionError(f"{file} was not written")


def gone(process: int) -> bool:
    for _ in range(50):
        if not psutil.pid_exists(process):
            return True
        time.sleep(0.1)
    return False


def test_each_call_has_a_process_and_its_error_arrives() -> None:
    with SideBySide() as beside:
        first, second, failing = (beside.begin(call) for call in (pid, pid, fail))
        assert len({first.result(), second.result(), os.getpid()}) == 3
        with pytest.raises(DataContractError, match="no shards"):
            failing.result()


def test_what_has_begun_ends_where_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match="no shards"), SideBySide() as beside:
        _begin_and_fail(beside, tmp_path / "pid")
    assert gone(written(tmp_path / "pid"))


def _begin_and_fail(beside: SideBySide, file: Path) -> None:
    beside.begin(wait, str(file))
    written(file)
    fail()


def test_what_has_begun_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "waiting.py"
    script.write_text(WAITING)
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, str(script), str(tmp_path / "pid")]
    with subprocess.Popen(command, env=environ) as asking:
        begun = written(tmp_path / "pid")
        asking.send_signal(signal.SIGKILL)
    assert gone(begun)


def test_what_reads_from_another_stage_of_the_job_does_not_begin_before_it() -> None:
    names = ("train_bias", "train_similarity", "train_two_tower_dot", "train_two_tower_retrieval")
    todo = [stages.named(name) for name in names]
    found = [stage.name for stage in cli._apart(todo)]
    assert found == ["train_bias", "train_two_tower_retrieval"]
    assert [s.name for s in cli._apart(todo[2:])] == [*names[2:]]
