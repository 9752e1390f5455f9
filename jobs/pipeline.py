"""raw files -> everything: all stages in order, those that are up to date skipped."""

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import dropwhile, groupby
from pathlib import Path
from typing import Any

from ymr_spark.errors import DataContractError, SettingsError, StageFailed
from ymr_spark.pipeline import cli, provenance, runs, settings_file, stages
from ymr_spark.pipeline.job_process import JobProcess
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Closed, Figures
from ymr_spark.records.leaderboard import Leaderboard
from ymr_spark.report import terminal
from ymr_spark.runtime import environment, logs, session
from ymr_spark.store import atomically
from ymr_spark.store.locations import Location

log = logging.getLogger(__name__)
_JOBS = Path(__file__).parent
_HEARTBEAT_SECONDS = 20


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = cli.parser(__doc__)
    arguments.add_argument("--until", metavar="STAGE", help="stop after this stage")
    options = arguments.parse_args(argv)
    options.run_id = options.run_id or runs.new_run_id()
    logs.configure("plain", "pipeline", options.run_id)
    tell = partial(cli.tell_operators, "pipeline", options)
    return cli.guarded("pipeline", lambda: run(options), tell)


def run(options: argparse.Namespace) -> Figures:
    """Run each job as a scheduler would, in a process of its own or one of all, under one lock."""
    settings = settings_file.load(options.conf, options.set)
    run_id = options.run_id
    logs.configure(settings.logs, "pipeline", run_id)
    todo = _todo(settings, options.until)
    if settings.spark_submit and shutil.which(settings.spark_submit[0]) is None:
        raise SettingsError(
            f"spark_submit: no command {settings.spark_submit[0]}; put it on PATH or give its path"
        )
    environment.require_spark()
    warehouse = cli.warehouse_of(settings)
    environ = {**os.environ}
    with runs.lock(warehouse, run_id), ExitStack() as jvm, JobProcess() as process:
        for group in groups(todo):
            stale = [*dropwhile(partial(_up_to_date, options, warehouse, settings), group)]
            for stage in group[: len(group) - len(stale)]:
                log.info("%s: up to date", _where(stage, todo))
            if not stale:
                continue
            if settings.one_jvm and session.GATEWAY not in environ:
                environ |= jvm.enter_context(session.shared_jvm(settings.spark_defaults))
            shared = process if settings.one_jvm and settings.one_process else None
            _run_stages(stale, todo, options, settings, warehouse, environ, shared)
    return _closing(warehouse)


def _todo(settings: Settings, until: str | None) -> Sequence[stages.Stage]:
    todo = stages.pipeline(settings)
    names = [stage.name for stage in todo]
    if until is None:
        return todo
    if until not in names:
        raise SettingsError(f"--until {until}: expected one of {', '.join(names)}")
    return todo[: names.index(until) + 1]


def groups(todo: Sequence[stages.Stage]) -> Iterator[list[stages.Stage]]:
    """Stages of one job in a row are one process, in which they share what they read."""
    return (list(group) for _, group in groupby(todo, key=lambda s: (s.job, s.own_process)))


def _up_to_date(
    options: argparse.Namespace, warehouse: Warehouse, settings: Settings, stage: stages.Stage
) -> bool:
    code = provenance.code(str(_JOBS / f"{stage.job}.py"), *stage.modules)
    return not options.force and runs.is_current(stage, warehouse, settings, code)


def _where(stage: stages.Stage, todo: Sequence[stages.Stage]) -> str:
    return f"[{todo.index(stage) + 1}/{len(todo)}] {stage.name}"


def _run_stages(
    group: Sequence[stages.Stage],
    todo: Sequence[stages.Stage],
    options: argparse.Namespace,
    settings: Settings,
    warehouse: Warehouse,
    environ: Mapping[str, str],
    shared: JobProcess | None,
) -> None:
    """Run stages of one job in a process, the one that all jobs share or one of its own, here or
    wherever it is submitted to."""
    name = group[0].name if len(group) == 1 else group[0].job
    where = ", ".join(_where(stage, todo) for stage in group)
    overrides = [argument for setting in options.set for argument in ("--set", setting)]
    script = _JOBS / f"{group[0].job}.py"
    conf = _submitted(options, warehouse) if settings.spark_submit else options.conf
    arguments = ["--conf", str(conf), "--run-id", options.run_id, "--lock-held", *overrides]
    arguments += [word for stage in group if stage.model for word in ("--model", stage.model)]
    arguments += ["--force"] if options.force else []
    log.info("%s", where)
    started = time.monotonic()

    def waiting() -> None:
        log.info("%s: %.0f s so far", where, time.monotonic() - started)

    told = cli.status_file(warehouse, options.run_id, name)
    told.unlink(missing_ok=True)
    if shared is not None:
        code = shared.run(script, arguments, environ, _HEARTBEAT_SECONDS, waiting)
    else:
        command = [*(settings.spark_submit or [sys.executable]), str(script), *arguments]
        code = _alone(command, {**environ, logs.STAGE: name}, waiting)
    figures: dict[str, Any] = {"exit_code": code or 1}
    if told.exists():
        figures = json.loads(told.read_bytes())
    if figures["exit_code"]:
        raise StageFailed(name, figures["exit_code"], figures.get("error"))
    log.info("%s: %s rows, %.0f s", where, f"{figures['rows']:,}", time.monotonic() - started)


def _submitted(options: argparse.Namespace, warehouse: Warehouse) -> Location:
    """The settings where a driver on any machine finds them."""
    conf: Location = options.conf
    copy: Location = warehouse.root.absolute() / "runs" / options.run_id / conf.name
    atomically.write(copy, conf.read_bytes())
    return copy


def _alone(command: Sequence[str], environ: Mapping[str, str], waiting: Callable[[], None]) -> int:
    """The exit code of a process."""
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                return process.wait(_HEARTBEAT_SECONDS)
            except subprocess.TimeoutExpired:
                waiting()
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _closing(warehouse: Warehouse) -> Figures:
    board_file = warehouse.path("reports/leaderboard.json")
    if not board_file.exists():
        return Figures()
    try:
        board = Leaderboard.of_json(board_file.read_bytes())
    except DataContractError as e:  # of an earlier version, before the stage that makes it anew
        log.warning("%s", e)
        return Figures()
    terminal.show(board)
    report = warehouse.path("reports/index.html")
    print(f"Report: {report}")
    return Closed(rows=board.test_rows, report=str(report))


if __name__ == "__main__":
    sys.exit(main())
