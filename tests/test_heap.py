"""What the C library is told, where it listens."""

import ctypes
import platform
from types import SimpleNamespace

import pytest

from ymr_spark.runtime import heap


def test_glibc_is_told_and_takes_it() -> None:
    assert heap.keep_freed() == (platform.libc_ver()[0] == "glibc")


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    assert not heap.keep_freed()
