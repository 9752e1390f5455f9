"""Strong scaling on one machine: one worker against two, one core each, the same work.

    python bench/scaling.py --folder build/scaling

Starts a standalone cluster of each size in turn and submits ingest, train_bias, train_als,
export_shards and train_two_tower (as many TensorFlow workers as Spark workers) to it. The ratio
is the time of one worker over that of two; with n cores for the driver and the executors it
cannot reach 2 where n is 2, because the driver takes its share.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from ymr_spark import cluster, runs
from ymr_spark.warehouse import Warehouse

ROOT = Path(__file__).parent.parent
STAGES = ("ingest", "train_bias", "train_als", "export_shards", "train_two_tower")


def seconds(folder: Path, raw: Path, workers: int, extra: list[str]) -> dict[str, float]:
    """Of each stage's job on a fresh warehouse, by a cluster of that many workers."""
    place = folder / f"cluster-{workers}"
    cluster.up(place, workers)
    submit = [str(Path(sys.executable).parent / "spark-submit"), "--properties-file"]
    settings = [f"warehouse={folder / str(workers)}", f"raw.folder={raw}", *extra]
    settings += ["raw.source=folder", f"two_tower.workers={workers}"]
    words = [word for setting in settings for word in ("--set", setting)]
    try:
        for stage in STAGES:
            command = [*submit, str(place / "spark.conf"), f"jobs/{stage}.py"]
            command += ["--conf", "conf/cluster.yaml", "--force", *words]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    finally:
        cluster.down(place)
    found = {s: runs.latest_manifest(s, Warehouse(folder / str(workers))) for s in STAGES}
    return {stage: manifest["job_seconds"] for stage, manifest in found.items() if manifest}


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
    print("| stage | one worker, s | two workers, s | ratio |\n|---|---|---|---|")
    for stage in STAGES:
        ratio = one[stage] / two[stage]
        print(f"| {stage} | {one[stage]:.0f} | {two[stage]:.0f} | {ratio:.2f} |")
    print(f"{time.monotonic() - started:.0f} s in all")


if __name__ == "__main__":
    main()
