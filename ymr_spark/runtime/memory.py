"""The most memory that a job has taken, with all its processes."""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil


class PeakMemory:
    """Samples the resident memory of this process and all below it (JVM, Python workers).

    `of(pid)` adds a process that is not below this one, such as a JVM that it joined.
    """

    def __init__(self, every_seconds: float = 0.5) -> None:
        self.mebibytes = 0.0
        self._roots = {psutil.Process()}
        self._every = every_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def of(self, pid: int) -> None:
        """Sample that process too, and all below it."""
        self._roots = self._roots | {psutil.Process(pid)}

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            self.mebibytes = max(self.mebibytes, _mebibytes(self._roots))


def _mebibytes(roots: Iterable[psutil.Process]) -> float:
    total = 0
    # A command that Java has only just started still shows Java's memory as its own; one second
    # for that, and one since Linux tells the time of its own start in whole ones.
    settled = time.time() - 2
    for process in {p for root in roots for p in _tree(root)}:
        with suppress(psutil.Error):
            if process.create_time() < settled:
                total += process.memory_info().rss
    return total / 2**20


def _tree(root: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return [root, *root.children(recursive=True)]
    return []
