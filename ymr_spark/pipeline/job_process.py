"""A process for jobs one after the other, in one Spark session: what one of them has imported,
started and warmed serves the next."""

import importlib.util
import io
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType


class JobProcess:
    """Runs jobs as `python SCRIPT ARGUMENTS` would; ends with the block, and the session with it.

    The process starts with the first job, and with its variables.
    """

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._pipe, self._theirs = self._context.Pipe()
        self._process: SpawnProcess | None = None

    def run(
        self,
        script: Path,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        every: float,
        waiting: Callable[[], None],
    ) -> int:
        """The exit code of a job, which prints nothing here.

        Args:
            every, waiting: what to call each so many seconds meanwhile.
        """
        if self._process is None:
            self._process = self._context.Process(target=_serve, args=(self._theirs, {**environ}))
            self._process.start()
            # Else its end would not be the pipe's.
            self._theirs.close()
        self._pipe.send((script, [*arguments]))
        while not self._pipe.poll(every):
            waiting()
        try:
            code: int = self._pipe.recv()
        except EOFError:
            self._process.join()
            return self._process.exitcode or 1
        return code

    def __enter__(self) -> "JobProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        self._pipe.close()
        if self._process is not None:
            if kind is not None:
                self._process.terminate()
            self._process.join()


def _serve(pipe: Connection, environ: Mapping[str, str]) -> None:
    os.environ |= environ
    # Spark is loaded here and not by who only waits for the jobs.
    from ymr_spark.runtime import session

    session.keep()
    while True:
        try:
            script, arguments = pipe.recv()
        except EOFError:
            session.end()
            return
        with redirect_stdout(io.StringIO()):
            code = _job(script)(arguments)
        pipe.send(code)


def _job(script: Path) -> Callable[[Sequence[str]], int]:
    found = importlib.util.spec_from_file_location(script.stem, script)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    main: Callable[[Sequence[str]], int] = module.main
    return main
