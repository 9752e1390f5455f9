"""A Spark standalone cluster on this machine's loopback: `ymr cluster up|down`.

All that belongs to it is below one folder: `pids/`, `logs/`, `work/` (executors), `events/` (read
by the history server) and `spark.conf`, by which the daemons were started and by which
`spark-submit --properties-file` joins them. That file holds the cluster's secret: mode 600.
"""

import argparse
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.request import urlopen

import psutil
import pyspark

from ymr_spark import shipped
from ymr_spark.errors import EnvironmentProblem, YmrError

HOST = "127.0.0.1"
_SPARK = Path(pyspark.__file__).parent
_DEPLOY = "org.apache.spark.deploy"
_PATIENCE_SECONDS = 240


def up(
    folder: Path, workers: int = 2, cores: int = 1, memory: str = "1g", home: Path = _SPARK
) -> dict[str, str]:
    """Start a master, the workers and a history server; return once all workers have joined.

    Args:
        cores, memory: of each worker, to give to executors.
        home: of Spark; by default that of the installed pyspark.

    Returns:
        The addresses of the master, its page and the history server.

    Raises:
        EnvironmentProblem: the folder's cluster is up already, or a daemon does not start.
    """
    folder = folder.absolute()
    if running := [name for name, _ in daemons(folder)]:
        raise EnvironmentProblem(f"{folder}: {', '.join(running)} running; take it down first")
    for name in ("pids", "logs", "events", "work"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    port, page, history = _free_ports(3)
    at = {"master": f"spark://{HOST}:{port}"}
    at |= {"page": f"http://{HOST}:{page}", "history": f"http://{HOST}:{history}"}
    _write_private(folder / "spark.conf", _properties(folder, at["master"], history))

    listen = ("--host", HOST, "--port", str(port), "--webui-port", str(page))
    _start(home, folder, "master", f"{_DEPLOY}.master.Master", *listen)
    own = ("--host", HOST, "--cores", str(cores), "--memory", memory, "--webui-port", "0")
    for number in range(1, workers + 1):
        work = ("--work-dir", str(folder / "work" / str(number)))
        _start(
            home, folder, f"worker-{number}", f"{_DEPLOY}.worker.Worker", *own, *work, at["master"]
        )
    _start(home, folder, "history", f"{_DEPLOY}.history.HistoryServer")
    _await(folder, at["page"], workers)
    return at


def down(folder: Path) -> list[str]:
    """End the daemons that `up` started for this folder, and no other process; their names."""
    found = dict(daemons(folder.absolute()))
    for process in found.values():
        process.terminate()
    _, alive = psutil.wait_procs(list(found.values()), timeout=20)
    for process in alive:
        process.kill()
    shutil.rmtree(folder / "pids", ignore_errors=True)
    return list(found)


def _properties(folder: Path, master: str, history_port: int) -> str:
    """conf/cluster-spark.conf with what only this cluster and this machine know."""
    events = (folder / "events").as_uri()
    log = f"-Dlog4j2.configurationFile={shipped.CONF / 'log4j2-json.properties'}"
    own = {
        "spark.master": master,
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.authenticate.secret": secrets.token_hex(32),
        "spark.eventLog.dir": events,
        "spark.history.fs.logDirectory": events,
        "spark.history.ui.port": history_port,
        "spark.driver.extraJavaOptions": log,
        "spark.executor.extraJavaOptions": log,
        "spark.pyspark.python": sys.executable,
    }
    lines = [f"{key} {value}" for key, value in own.items()]
    return "\n".join([(shipped.CONF / "cluster-spark.conf").read_text(), *lines, ""])


def _write_private(path: Path, content: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)


def _start(home: Path, folder: Path, name: str, main: str, *arguments: str) -> None:
    command = [str(home / "bin" / "spark-class"), main]
    command += ["--properties-file", str(folder / "spark.conf"), *arguments]
    # The pages listen where SPARK_LOCAL_IP says.
    own = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": HOST, "SPARK_DAEMON_MEMORY": "256m"}
    with (folder / "logs" / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=os.environ | own, stdout=log, stderr=log, start_new_session=True
        )
    (folder / "pids" / name).write_text(str(process.pid))


def daemons(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The live ones by name; a pid that now belongs to another process is none of them."""
    for file in sorted((folder / "pids").glob("*")):
        try:
            process = psutil.Process(int(file.read_text()))
            command = process.cmdline()
            # It is empty for the moment in which the script becomes the JVM.
            if not command or str(folder / "spark.conf") in command:
                yield file.name, process
        except psutil.Error:
            continue


def _await(folder: Path, page: str, workers: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if len(list(daemons(folder))) < workers + 2:
            break
        if _joined(page) == workers:
            return
        time.sleep(0.2)
    down(folder)
    raise EnvironmentProblem(f"the cluster did not start; see {folder / 'logs'}")


def _joined(page: str) -> int:
    try:
        with urlopen(f"{page}/json/", timeout=5) as answer:
            workers = json.load(answer)["workers"]
    except OSError:
        return 0
    return sum(worker["state"] == "ALIVE" for worker in workers)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("what", choices=("up", "down"))
    arguments.add_argument("--folder", type=Path, default=Path("build/cluster"))
    arguments.add_argument("--workers", type=int, default=2)
    options = arguments.parse_args(argv)
    if options.what == "down":
        print(f"ended: {', '.join(down(options.folder)) or 'nothing was running'}")
        return 0
    try:
        for name, address in up(options.folder, options.workers).items():
            print(f"{name:8} {address}")
    except YmrError as e:
        print(e, file=sys.stderr)
        return e.exit_code
    print(f"join by  spark-submit --properties-file {options.folder}/spark.conf")
    return 0


if __name__ == "__main__":
    sys.exit(main())
