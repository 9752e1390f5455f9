"""What the C library is told, where it listens."""

import ctypes
import platform
from types import SimpleNamespace

import pytest

from ymr_spark.runtime import heap


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_glibc_is_told() -> None:
    assert heap.keep_freed()


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    assert not heap.keep_freed()
