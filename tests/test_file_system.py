"""File systems that are not for a warehouse: told so at the lock, before anything is written."""

import errno
import fcntl
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from on_disk import Warehouse

from ymr_spark.errors import EnvironmentProblem, WarehouseLocked
from ymr_spark.pipeline import runs


def refusing(number: int) -> Callable[..., None]:
    """What the kernel does instead of a call."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize(
    ("module", "call", "number", "words"),
    [
        (os, "link", errno.EPERM, "no hard links"),  # exFAT
        (os, "link", errno.EOPNOTSUPP, "no hard links"),  # SMB
        (os, "link", errno.ENOSYS, "no hard links"),  # blobfuse
        (os, "chmod", errno.EPERM, "modes of files cannot be set"),
        (fcntl, "flock", errno.ENOLCK, "no file locks"),
        (fcntl, "flock", errno.EOPNOTSUPP, "no file locks"),
        (os, "mkdir", errno.EROFS, "no f(older|ile) can be (made|written)"),
        (os, "mkdir", errno.EACCES, "no f(older|ile) can be (made|written)"),
    ],
)
@pytest.mark.parametrize("made", [True, False])
def test_what_is_refused_is_said(
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    call: str,
    number: int,
    words: str,
    made: bool,
) -> None:
    if made:
        (warehouse.root / "tables").mkdir(parents=True)
    before = set(warehouse.root.rglob("*"))
    monkeypatch.setattr(module, call, refusing(number))
    expected = rf"{words} \({re.escape(os.strerror(number))}\); .* setting warehouse"
    with pytest.raises(EnvironmentProblem, match=expected), runs.lock(warehouse, "mine"):
        raise AssertionError("the run has begun")
    monkeypatch.undo()
    assert set(warehouse.root.rglob("*")) - before <= {warehouse.root / "run.lock"}


def test_a_full_disk(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_bytes", refusing(errno.ENOSPC))
    expected = f"no file can be written .{os.strerror(errno.ENOSPC)}.; .*free space"
    with pytest.raises(EnvironmentProblem, match=expected), runs.lock(warehouse, "mine"):
        pass


def test_the_disks_that_folders_are_links_to_are_tried(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.root.mkdir()
    (warehouse.root / "tables").symlink_to(tmp_path / "disk")
    tried = []
    monkeypatch.setattr(os, "link", lambda source, link, **_: tried.append(Path(link)))
    with runs.lock(warehouse, "mine"):
        assert [path.parent.parent for path in tried] == [warehouse.root / "tables"]
        assert list((tmp_path / "disk").iterdir()) == []
    (warehouse.root / "shards").symlink_to(tmp_path / "not mounted" / "shards")
    with (
        pytest.raises(EnvironmentProblem, match=r"shards: a link to .*mount that disk"),
        runs.lock(warehouse, "mine"),
    ):
        pass


def test_a_root_that_cannot_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file" / "warehouse", Path("/proc/warehouse")):
        with (
            pytest.raises(EnvironmentProblem, match=f"{root}: no folder can be made"),
            runs.lock(Warehouse(root), "mine"),
        ):
            pass


def test_the_lock_of_another_run_is_no_fault_of_the_disk(warehouse: Warehouse) -> None:
    with runs.lock(warehouse, "first"):
        with pytest.raises(WarehouseLocked, match="first"), runs.lock(warehouse, "second"):
            pass
        assert [p.name for p in warehouse.root.iterdir()] == ["run.lock"]


def test_a_run_leaves_no_trace_of_the_trial(warehouse: Warehouse) -> None:
    (warehouse.root / "tables").mkdir(parents=True)
    before = (warehouse.root / "tables").stat().st_mtime_ns
    with runs.lock(warehouse, "mine"):
        pass
    assert (warehouse.root / "tables").stat().st_mtime_ns == before
    assert {p.name for p in warehouse.root.iterdir()} == {"tables", "run.lock"}
