"""Print the seconds of the sample's stages with the warehouse on a disk and in stores.

    python bench/stores.py build/stores s3://BUCKET/FOLDER hdfs://HOST:PORT/FOLDER

Where the stores are and by which keys they open, the environment says. A line a stage, a column a
place, all in one run.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ymr_spark.store import locations
from ymr_spark.store.locations import Location

ROOT = Path(__file__).parent.parent


def seconds(place: Location, conf: str, overrides: Sequence[str]) -> dict[str, float]:
    """Of each stage, in the order in which they ran."""
    settings = [f"warehouse={place}", f"raw.folder={place}/raw", *overrides]
    command = [sys.executable, "jobs/pipeline.py", "--conf", conf, "--force"]
    command += [word for setting in settings for word in ("--set", setting)]
    command += ["--run-id", "stores"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    told = [json.loads(f.read_bytes()) for f in locations.matching(place, "runs/stores/*.json")]
    told.sort(key=lambda manifest: manifest["finished"])
    return {manifest["stage"]: manifest["job_seconds"] for manifest in told}


def table(found: dict[str, dict[str, float]]) -> str:
    """A line a stage, and their sum."""
    stages = [*next(iter(found.values()))]
    rows = [[stage, *(f"{of[stage]:.0f}" for of in found.values())] for stage in stages]
    rows.append(["all", *(f"{sum(of.values()):.0f}" for of in found.values())])
    lines = [["stage, seconds", *found], ["---"] * (1 + len(found)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("places", nargs="+", type=locations.of)
    arguments.add_argument("--conf", default="conf/sample.yaml")
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = arguments.parse_args()
    places = [place.absolute() for place in options.places]
    print(table({str(place): seconds(place, options.conf, options.set) for place in places}))


if __name__ == "__main__":
    main()
