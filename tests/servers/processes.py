"""Servers as processes of their own, ended by their ids whatever happens in the block."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import psutil

HOST = "127.0.0.1"
_PATIENCE_SECONDS = 240


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


@contextmanager
def running(
    command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[psutil.Popen]:
    """A command that runs in the log's folder until the block is left."""
    with log.open("wb") as out:
        process = psutil.Popen(
            command, cwd=log.parent, env=environ, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: psutil.Popen) -> None:
    """Kill it and what it has started: some take a quarter of a minute to end in peace."""
    if process.poll() is None:
        family = [process, *process.children(recursive=True)]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=20)


def within(folder: Path) -> list[psutil.Process]:
    """What runs in the folder, or below it."""
    found = psutil.process_iter(["cwd"])
    return [p for p in found if p.info["cwd"] and Path(p.info["cwd"]).is_relative_to(folder)]


def wait_until(ready: Callable[[], bool], *processes: psutil.Popen, logs: Path) -> None:
    """Return once it is ready.

    Raises:
        RuntimeError: a process has ended, or it took too long; with what the folder's logs say.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not ready():
        if time.monotonic() > deadline or any(p.poll() is not None for p in processes):
            said = [f"{path}: {path.read_text()[-2000:]}" for path in sorted(logs.glob("*.log"))]
            raise RuntimeError("\n".join(said))
        time.sleep(0.1)


def answer(url: str) -> bytes | None:
    """The body, or None where nothing answers well."""
    try:
        with urlopen(url, timeout=5) as response:
            return bytes(response.read())
    except OSError:
        return None
