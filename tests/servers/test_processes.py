"""Servers end with their block, whatever ends that; what does not start says why."""

from pathlib import Path

import pytest

from servers.processes import running, wait_until, within


def test_nothing_is_left(tmp_path: Path) -> None:
    def interrupted() -> None:
        command = ["sh", "-c", "sleep 600 & touch up; sleep 600; touch too-late"]
        with running(command, tmp_path / "sh.log") as process:
            wait_until((tmp_path / "up").exists, process, logs=tmp_path)
            assert within(tmp_path)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not within(tmp_path)
    assert not (tmp_path / "too-late").exists()


def test_one_that_does_not_start(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo the port is taken >&2; exit 1"]
    with (
        running(command, tmp_path / "sh.log") as process,
        pytest.raises(RuntimeError, match=r"sh\.log: the port is taken"),
    ):
        wait_until(lambda: False, process, logs=tmp_path)
