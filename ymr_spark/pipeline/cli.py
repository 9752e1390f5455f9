"""What every job shares: arguments, exit codes, lock, manifest and the last line of JSON."""

import argparse
import inspect
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from typing import Any

from pyspark.sql import SparkSession

from ymr_spark import shipped, strict_json
from ymr_spark.errors import SettingsError, YmrError
from ymr_spark.pipeline import manifests, prometheus, provenance, runs, settings_file, stages
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Figures, Unchanged
from ymr_spark.records.manifest import Cost
from ymr_spark.runtime import environment, failures, heap, logs, session
from ymr_spark.runtime.memory import PeakMemory
from ymr_spark.store import atomically
from ymr_spark.store.locations import Location

log = logging.getLogger(__name__)
_LONGEST_NAME = 200  # bytes; file systems take 255

Run = Callable[[SparkSession, Warehouse, Settings], Figures]
Look = Callable[[Warehouse, Settings], Figures]


def parser(purpose: str | None) -> argparse.ArgumentParser:
    """The arguments that all jobs take."""
    arguments = argparse.ArgumentParser(description=purpose, allow_abbrev=False)
    arguments.add_argument(
        "--conf",
        type=shipped.settings_file,
        required=True,
        metavar="FILE",
        help="settings; a name such as sample.yaml stands for the library's own where there is "
        "no such file here",
    )
    arguments.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting"
    )
    arguments.add_argument(
        "--run-id", type=_folder_name, metavar="ID", help="the name of the manifests' folder"
    )
    arguments.add_argument(
        "--force", action="store_true", help="run even where nothing that it depends on changed"
    )
    arguments.add_argument(
        "--lock-held",
        action="store_true",
        help="the pipeline of this run id, which has submitted this job, holds the lock; how the "
        "job ended is told below the run's folder",
    )
    return arguments


def _folder_name(text: str) -> str:
    """argparse turns the error into exit code 2."""
    plain = text.isprintable() and "/" not in text and text.strip() == text
    if not plain or text.startswith(".") or not 1 <= len(text.encode()) <= _LONGEST_NAME:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected a plain name of a folder, such as 2026-01-31, without / and no "
            "dot or blank first"
        )
    return text


def main(stage: str, purpose: str | None, run: Run, argv: Sequence[str] | None) -> int:
    """Run one stage; map its errors to exit codes (see `errors`); end with a line of JSON."""
    return stage_main(stage, run, parser(purpose).parse_args(argv))


def stage_main(stage: str, run: Run, options: argparse.Namespace) -> int:
    """`main` for a job that has added arguments to `parser`."""
    return stages_main(stage, inspect.getfile(run), {stage: run}, options)


def stages_main(name: str, job: str, todo: Mapping[str, Run], options: argparse.Namespace) -> int:
    """`main` for several stages, one after the other under one lock, in one Spark session.

    Args:
        job: the file of the job that runs them.
        todo: what to run, by stage.
    """
    heap.keep_freed()
    _log_as(name, options)
    tell = partial(_tell if options.lock_held else tell_operators, name, options)
    return guarded(name, lambda: _run_stages(name, job, todo, options), tell)


def models_main(
    script: str,
    purpose: str | None,
    job: str,
    run: Callable[..., Figures],
    argv: Sequence[str] | None,
) -> int:
    """`stages_main` for a job whose stages are each about a model, which the arguments name.

    Args:
        script: the name of the job.
        job: its file.
        run: also takes `model`.
    """
    about = {s.model: s.name for s in stages.STAGES if s.job == script and s.model}
    arguments = parser(purpose)
    arguments.add_argument(
        "--model",
        action="append",
        required=True,
        choices=tuple(about),
        help="a model; several may be named, which share what they read",
    )
    options = arguments.parse_args(argv)
    chosen = {about[m]: partial(run, model=m) for m in about if m in options.model}
    name = next(iter(chosen)) if len(chosen) == 1 else script
    return stages_main(name, job, chosen, options)


def read_only(name: str, look: Look, options: argparse.Namespace) -> int:
    """Like `main`, for what writes nothing: neither lock nor manifest, and always run."""
    _log_as(name, options)
    return guarded(name, lambda: _look(name, look, options))


def _log_as(name: str, options: argparse.Namespace) -> None:
    options.run_id = options.run_id or runs.new_run_id()
    logs.configure("plain", name, options.run_id)


def guarded(
    stage: str, work: Callable[[], Figures], tell: Callable[[dict[str, Any]], None] | None = None
) -> int:
    """Do the work; print its figures, or its error, as the last line; return the exit code.

    Args:
        tell: is given these and the exit code, too.
    """
    started = time.monotonic()
    code = 0
    try:
        told = _explained(work).model_dump(exclude_unset=True)
    except YmrError as e:
        log.error("%s", e)
        code, told = e.exit_code, {"status": "failed", "error": str(e)}
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as e:  # delta-rs panics by one that is no Exception
        log.exception("failed")
        code, told = 1, {"status": "failed", "error": f"{type(e).__name__}: {e}"[:500]}
    seconds = round(time.monotonic() - started, 1)
    line = {"stage": stage, "status": "done", "rows": 0, **told, "seconds": seconds}
    print(strict_json.dumps(line))
    sys.stdout.flush()
    if tell is not None:
        tell(line | {"exit_code": code})
    return code


def status_file(warehouse: Warehouse, run_id: str, job: str) -> Location:
    """Where a job of a pipeline tells how it ended: its submitter may see neither its exit code
    nor what it prints."""
    return warehouse.root / "runs" / run_id / "status" / f"{job}.json"


def _tell(job: str, options: argparse.Namespace, line: dict[str, Any]) -> None:
    try:
        warehouse = warehouse_of(settings_file.load(options.conf, options.set))
        file = status_file(warehouse, options.run_id, job)
        atomically.write(file, strict_json.dumps(line))
    except (YmrError, OSError) as e:
        log.warning("cannot tell the pipeline how this ended: %s", e)


def tell_operators(job: str, options: argparse.Namespace, line: dict[str, Any]) -> None:
    """What the settings want them to be told; where that fails, a warning is all that comes of
    it."""
    with suppress(SettingsError):  # which the job has told
        settings = settings_file.load(options.conf, options.set)
        if settings.prometheus is None:
            return
        try:
            prometheus.write(settings.prometheus, warehouse_of(settings), job, line["exit_code"])
        except (YmrError, OSError) as e:
            log.warning("prometheus: %s", e)


def _explained(work: Callable[[], Figures]) -> Figures:
    """Do the work; what the machine refused is told in words rather than by a traceback."""
    try:
        return work()
    except YmrError:
        raise
    except Exception as e:
        if problem := failures.explained(e):
            raise problem from e
        raise


def _look(name: str, look: Look, options: argparse.Namespace) -> Figures:
    settings = settings_file.load(options.conf, options.set)
    logs.configure(settings.logs, name, options.run_id)
    return look(warehouse_of(settings), settings)


def warehouse_of(settings: Settings) -> Warehouse:
    """The one that the settings name, with the raw ratings that they name."""
    raw = settings.raw
    return Warehouse(settings.warehouse, raw.place, raw.items.path, raw.forgotten)


@contextmanager
def spark_session(name: str, settings: Settings) -> Iterator[SparkSession]:
    """A session that ends with the block, but for one that this process keeps."""
    environment.require_spark()
    spark = session.build(f"ymr_spark {name}", settings.spark_defaults)
    with session.watched(spark):
        try:
            yield spark
        finally:
            session.leave(spark)


def _run_stages(
    name: str, job: str, todo: Mapping[str, Run], options: argparse.Namespace
) -> Figures:
    settings = settings_file.load(options.conf, options.set)
    logs.configure(settings.logs, name, options.run_id)
    environment.require_spark()
    root = warehouse_of(settings)
    with runs.lock(root, options.run_id, options.lock_held), ExitStack() as opened:

        @cache
        def spark() -> SparkSession:
            return opened.enter_context(spark_session(name, settings))

        done = []
        for stage_name, run in todo.items():
            stage = stages.named(stage_name)
            warehouse = warehouse_of(settings).of_run(options.run_id)
            for resource in stage.reads:
                warehouse.require(resource)
            code = provenance.code(job, *stage.modules)
            if options.force or not runs.is_current(stage, warehouse, settings, code):
                done.append(_measured(stage, run, spark, warehouse, settings, options.run_id, code))
    if not done:
        return Unchanged(status="unchanged")
    return Figures(rows=max(done))


def declared(
    stage: stages.Stage, warehouse: Warehouse, settings: Settings
) -> tuple[Warehouse, Settings]:
    """The warehouse and the settings with no more in them than the stage says it needs."""
    resources = (*stage.reads, *stage.optional, *stage.writes, *stage.keeps)
    return warehouse.only(resources), settings.only(stage.settings)


def _measured(
    stage: stages.Stage,
    run: Run,
    opened: Callable[[], SparkSession],
    warehouse: Warehouse,
    settings: Settings,
    run_id: str,
    code: str,
) -> int:
    """Run the stage and write its manifest; return its rows."""
    started = time.monotonic()
    stage_fingerprint = runs.fingerprint(stage, warehouse, settings, code)
    with PeakMemory() as memory:
        spark = opened()
        memory.of(session.jvm_pid(spark))
        session.require_folder(spark, warehouse.root)
        figures = run(spark, *declared(stage, warehouse, settings))
    seconds = round(time.monotonic() - started, 1)
    cost = Cost(job_seconds=seconds, peak_memory_mib=round(memory.mebibytes))
    manifests.write(stage, warehouse, run_id, stage_fingerprint, figures, cost)
    return figures.rows
