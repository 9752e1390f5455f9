"""Print the seconds that a part takes that is added to a warehouse, and those that it takes alone.

    python bench/added.py build/added --set planted.users=20000 --set planted.songs=136736
        --set planted.train_ratings=7600000

Two parts are planted; part 1 is ingested alone, where part 0 is already, and together with it, each
so many times in turn. The rows of the last two must be the same.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def ran(job: str, raw: Path, warehouse: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """The manifest of a job that has just run."""
    settings = [f"warehouse={warehouse}", f"raw.folder={raw}", *overrides]
    command = [sys.executable, f"jobs/{job}.py", "--conf", "conf/full.yaml", "--run-id", job]
    command += [word for setting in settings for word in ("--set", setting)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    told: dict[str, Any] = json.loads((warehouse / "runs" / job / f"{job}.json").read_bytes())
    return told


def put(planted: Path, raw: Path, *parts: int) -> None:
    """The files of these parts beside what is there, as they are."""
    raw.mkdir(parents=True, exist_ok=True)
    names = ["song-attributes.txt", "genre-hierarchy.txt"]
    names += [f"{kind}_{part}.txt" for part in parts for kind in ("train", "test")]
    for name in names:
        if not (raw / name).exists():
            os.link(planted / name, raw / name)


def seconds(folder: Path, planted: Path, overrides: Sequence[str]) -> dict[str, float]:
    """Of part 1 alone, added to part 0, and both at once; what was there before goes."""
    found, told = {}, {}
    given = [*overrides, "raw.source=folder"]
    for way, before, parts in (("alone", (), (1,)), ("added", (0,), (1,)), ("at once", (), (0, 1))):
        raw, warehouse = folder / "raw", folder / "warehouse"
        for path in (raw, warehouse):
            shutil.rmtree(path, ignore_errors=True)
        if before:
            put(planted, raw, *before)
            ran("ingest", raw, warehouse, given)
        put(planted, raw, *parts)
        told[way] = ran("ingest", raw, warehouse, given)
        found[way] = told[way]["job_seconds"]
    assert told["added"]["splits"] == told["at once"]["splits"]
    assert [len(told[way]["additions"]) for way in told] == [1, 2, 1]
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = arguments.parse_args()
    folder = options.folder.absolute()
    planted = folder / "planted"
    ran("generate_r2", planted, folder / "planting", [*options.set, "planted.parts=2"])
    for _ in range(options.runs):
        found = seconds(folder, planted, options.set)
        told = ", ".join(f"{way} {taken:.1f} s" for way, taken in found.items())
        print(f"{told}; added / alone {found['added'] / found['alone']:.2f}", flush=True)


if __name__ == "__main__":
    main()
