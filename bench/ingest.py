"""Ingest against a plain Spark CSV -> Delta copy of the same files, each in a fresh process.

    python -m bench.ingest --conf conf/full.yaml FOLDER [FOLDER ...]

prints for each folder of R2 files one JSON line a run (rows, seconds once the session is up,
processor seconds, peak memory of the process tree, table bytes on disk) and their ratio.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from pyspark.sql import SparkSession

from jobs import ingest
from ymr_spark.pipeline import settings_file
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.runtime import session
from ymr_spark.runtime.memory import PeakMemory
from ymr_spark.sources.r2 import files

_COPIED = "user_id INT, song_id INT, rating TINYINT"


def copy(spark: SparkSession, warehouse: Warehouse, _: Settings) -> int:
    """Train and test as they are: no check, no split, no hash."""
    for name in ("train", "test"):
        paths = [str(file.path) for file in files.find(warehouse.raw).ratings if name in file.name]
        rows = spark.read.csv(paths, sep="\t", schema=_COPIED)
        rows.write.format("delta").save(str(warehouse.path(name)))
    return sum(
        spark.read.format("delta").load(str(warehouse.path(name))).count()
        for name in ("train", "test")
    )


def ingested(spark: SparkSession, warehouse: Warehouse, settings: Settings) -> int:
    return ingest.run(spark, warehouse, settings).rows


_WORK = {"copy": copy, "ingest": ingested}


def measured(what: str, conf: Path, raw: Path) -> dict[str, Any]:
    """One run in this process."""
    settings_ = settings_file.load(conf)
    root = Path(tempfile.mkdtemp(prefix="bench-", dir=raw.parent))
    spark = session.build(f"bench {what}", settings_.spark_defaults)
    try:
        with PeakMemory() as memory:
            started = time.monotonic()
            rows = _WORK[what](spark, Warehouse(root, raw), settings_)
            seconds = time.monotonic() - started
        disk = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
        processor = _processor_seconds()
    finally:
        spark.stop()
        shutil.rmtree(root)
    return {
        "what": what,
        "rows": rows,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "peak_memory_mib": round(memory.mebibytes),
        "disk_mib": round(disk / 2**20),
    }


def _processor_seconds() -> float:
    me = psutil.Process()
    times = [p.cpu_times() for p in (me, *me.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def compared(conf: Path, raw: Path) -> None:
    """Both runs, each in a process of its own."""
    seconds = {}
    for what in _WORK:
        command = [
            sys.executable,
            "-m",
            "bench.ingest",
            "--conf",
            str(conf),
            "--run",
            what,
            str(raw),
        ]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        line = done.stdout.splitlines()[-1]
        print(line, flush=True)
        seconds[what] = json.loads(line)["seconds"]
    print(json.dumps({"folder": str(raw), "ratio": round(seconds["ingest"] / seconds["copy"], 2)}))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--conf", type=Path, required=True)
    arguments.add_argument("--run", choices=_WORK, help="only this one, in this process")
    arguments.add_argument("folders", type=Path, nargs="+")
    options = arguments.parse_args()
    for raw in options.folders:
        if options.run:
            print(json.dumps(measured(options.run, options.conf, raw)))
        else:
            compared(options.conf, raw)


if __name__ == "__main__":
    main()
