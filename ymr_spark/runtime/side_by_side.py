"""Calls in processes of their own, as many at a time as there are cores."""

import os
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from ymr_spark.runtime import heap

_LOOK_SECONDS = 0.5


class SideBySide:
    """Processes that are made when they are needed and end with this one, however it ends."""

    def __init__(self) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        self._pool = ProcessPoolExecutor(
            cores,
            # A process that has threads, as ours have, is not to be forked.
            mp_context=get_context("spawn"),
            initializer=_prepare,
            initargs=(os.getpid(),),
            max_tasks_per_child=1,
        )

    def __enter__(self) -> "SideBySide":
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is not None:
            for process in [*(self._pool._processes or {}).values()]:
                process.terminate()
        self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def begin(self, call: Any, *arguments: Any) -> "Future[Any]":
        """Call a function of a module, as soon as a core is free for it."""
        return self._pool.submit(call, *arguments)


def _prepare(parent: int) -> None:
    heap.keep_freed()
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)
