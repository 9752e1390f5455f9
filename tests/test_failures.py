"""Errors of the machine are told in words, with exit code 4; those of the code stay as they are."""

import errno
import os
from importlib import import_module

import numpy as np
import pytest

from ymr_spark.pipeline import cli
from ymr_spark.records.figures import Figures
from ymr_spark.runtime import failures

OF_NUMPY = import_module("numpy.core._exceptions")


def by(inner: BaseException, outer: BaseException) -> BaseException:
    outer.__context__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x"), "free some"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "free some"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), "choose another place"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/x"), "right to it"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "ulimit -n"),
        (Exception("at x\nCaused by: java.io.IOException: No space left on device"), "free some"),
        (Exception("java.lang.OutOfMemoryError: Java heap space"), "more by spark.driver.memory"),
        (MemoryError(), "less by spark.driver.memory"),
        (OF_NUMPY._ArrayMemoryError((1 << 40,), np.dtype("f8")), "less by spark"),
        (by(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), ValueError("at the end")), "free"),
    ],
)
def test_what_the_machine_refuses(
    error: BaseException, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> Figures:
        raise error

    assert words in str(failures.explained(error))
    assert cli.guarded("ingest", work) == 4
    said = capsys.readouterr()
    assert words in said.out
    assert "Traceback" not in said.err


@pytest.mark.parametrize("error", [ValueError("x"), KeyError(3), FileNotFoundError(2, "none")])
def test_what_the_code_does_wrong(error: Exception) -> None:
    assert failures.explained(error) is None
