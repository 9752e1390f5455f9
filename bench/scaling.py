"""Strong scaling on one machine: one worker against two, one core each, the same work.

    python bench/scaling.py --set planted.users=80000 --set planted.songs=136736 \\
        --set planted.train_ratings=30537850

Starts a standalone cluster of each size in turn, pins each worker with its executors and their
Python to a core of its own, and submits `STAGES` to it, the last with as many TensorFlow workers
as Spark workers. The ratio is the time of one worker over that of two, of whole jobs and, where a
model is fitted, of the fit alone. A driver is free to run on any core, and with two workers shares
theirs where the machine has two. Each JVM compiles its own code for half a minute: with fewer
ratings than these that is all one sees.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from ymr_spark.pipeline import manifests, stages
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Trained
from ymr_spark.runtime import cluster

ROOT = Path(__file__).parent.parent
MEMORY = "4g"  # of each executor's heap
STAGES = (
    stages.named("ingest"),
    *map(stages.of_model, ("bias", "als", "latent_factor")),
    stages.named("export_shards"),
    stages.of_model("two_tower_dot"),
)


def seconds(folder: Path, raw: Path, workers: int, extra: list[str]) -> dict[str, float]:
    """Of each stage's job, and of each model's fit, on a fresh warehouse."""
    place = folder / f"cluster-{workers}"
    cluster.up(place, workers, memory=MEMORY)
    pin(place)
    submit = [str(Path(sys.executable).parent / "spark-submit")]
    submit += ["--conf", f"spark.executor.memory={MEMORY}", "--properties-file"]
    settings = [f"warehouse={folder / str(workers)}", f"raw.folder={raw}", *extra]
    settings += ["raw.source=folder", "tune.trials=0", f"two_tower.workers={workers}"]
    words = [word for setting in settings for word in ("--set", setting)]
    try:
        for stage in STAGES:
            command = [*submit, str(place / "spark.conf"), *stage.command.split()]
            command += ["--conf", "conf/cluster.yaml", "--force", *words]
            # A single TensorFlow worker is the driver itself.
            pinned = ["taskset", "--cpu-list", "0"] if (stage, workers) == (STAGES[-1], 1) else []
            # Spark's scripts find themselves by the Python on the path.
            own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
            subprocess.run(
                [*pinned, *command],
                cwd=ROOT,
                env=os.environ | own,
                check=True,
                stdout=subprocess.DEVNULL,
            )
    finally:
        cluster.down(place)
    found: dict[str, float] = {}
    for stage in STAGES:
        manifest = manifests.latest(stage.name, Warehouse(folder / str(workers)))
        assert manifest is not None
        found[stage.name] = manifest.job_seconds
        if isinstance(manifest.figures, Trained):
            found[f"{stage.model}, fit"] = manifest.figures.fit_seconds
    return found


def pin(place: Path) -> None:
    """Worker n to core n - 1: all its threads, from which executors inherit it."""
    for name, process in cluster.daemons(place):
        if name.startswith("worker-"):
            for thread in process.threads():
                os.sched_setaffinity(thread.id, {int(name.removeprefix("worker-")) - 1})


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--folder", type=Path, default=Path("build/scaling"))
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = arguments.parse_args()
    folder = options.folder.absolute()
    raw = folder / "raw"
    planted = [sys.executable, "jobs/generate_r2.py", "--conf", "conf/sample.yaml"]
    own = [f"warehouse={folder / 'planted'}", f"raw.folder={raw}", *options.set]
    planted += [word for setting in own for word in ("--set", setting)]
    subprocess.run(planted, cwd=ROOT, check=True)
    started = time.monotonic()
    one, two = (seconds(folder, raw, workers, options.set) for workers in (1, 2))
    print("| | one worker, s | two workers, s | ratio |\n|---|---|---|---|")
    for what, alone in one.items():
        print(f"| {what} | {alone:.0f} | {two[what]:.0f} | {alone / two[what]:.2f} |")
    print(f"{time.monotonic() - started:.0f} s in all")


if __name__ == "__main__":
    main()
