"""Seconds and memory of ingest for one set of ratings in R2's layout and as a CSV with ids of text.

    python bench/any_table.py build/any --ratings 25000000

Plants the ratings in R2's layout, halves the stars, and writes the same rows as a CSV whose users
and songs have names, and as one that has times, too; then runs jobs/ingest.py on each, one after
the other, and prints what it cost.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from ymr_spark.pipeline.warehouse import Warehouse

ROOT = Path(__file__).parent.parent
NAMES = ["user", "song", "stars"]


def job(name: str, *settings: str) -> None:
    command = [sys.executable, f"jobs/{name}.py", "--conf", "conf/full.yaml", "--force"]
    command += [word for setting in settings for word in ("--set", setting)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def plant(folder: Path, ratings: int) -> None:
    """R2's files and the CSV, where they are not there yet."""
    if (folder / "ratings.csv").exists():
        return
    users = max(ratings * 200_000 // 76_344_627, 1_000)
    sizes = (f"planted.users={users}", f"planted.train_ratings={ratings}", "planted.choice=0")
    job("generate_r2", f"warehouse={folder}/planted", f"raw.folder={folder}/r2", *sizes)
    read = csv.ReadOptions(column_names=NAMES)
    parse = csv.ParseOptions(delimiter="\t")
    parts = [csv.read_csv(folder / f"r2/{n}_0.txt", read, parse) for n in ("train", "test")]
    rows = pa.concat_tables(parts)
    user, song, stars = (rows[name].to_numpy() for name in NAMES)
    user_names, song_names = (
        pa.array([f"{what}-{(i * 7919) % 1_000_003:07d}" for i in range(ids.max() + 1)])
        for what, ids in (("user", user), ("track", song))
    )
    columns: dict[str, Any] = {
        "user": user_names.take(pa.array(user)),
        "track": song_names.take(pa.array(song)),
        "rating": pa.array(stars / 2),
    }
    csv.write_csv(pa.table(columns), folder / "ratings.csv")
    at = np.random.default_rng(1).integers(1_000_000_000, 1_200_000_000, len(user))
    csv.write_csv(pa.table(columns | {"timestamp": pa.array(at)}), folder / "with-time.csv")


def measured(folder: Path, name: str, *settings: str) -> dict[str, float]:
    """What ingest told of its cost."""
    warehouse = Warehouse(folder / name)
    job("ingest", f"warehouse={warehouse.root}", *settings)
    newest = max(
        Path(str(warehouse.root)).glob("runs/*/ingest.json"), key=lambda path: path.stat().st_mtime
    )
    told = json.loads(newest.read_text())
    return {key: told[key] for key in ("rows", "job_seconds", "peak_memory_mib")}


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--ratings", type=int, default=25_000_000)
    arguments.add_argument("--rounds", type=int, default=2)
    options = arguments.parse_args()
    folder = options.folder.absolute()
    plant(folder, options.ratings)
    for _ in range(options.rounds):
        r2 = measured(folder, "of-r2", "raw.source=folder", f"raw.folder={folder}/r2")
        print(json.dumps({"r2": r2}))
        for name in ("ratings.csv", "with-time.csv"):
            found = measured(folder, f"of-{name}", "raw.source=table", f"raw.path={folder}/{name}")
            ratio = round(found["job_seconds"] / r2["job_seconds"], 2)
            print(json.dumps({name: found, "ratio": ratio}), flush=True)


if __name__ == "__main__":
    main()
