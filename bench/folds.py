"""Test RMSE of the whole pipeline on MovieLens-100K, by 5-fold cross-validation over ratings.

    python bench/folds.py build/folds --trials 0 6

Validation rows, and with them the settings of so many trials, are out of each fold's train rows. A
line of JSON for each number of trials and model.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ymr_spark.models.arrays import Ints
from ymr_spark.records.leaderboard import Leaderboard
from ymr_spark.sources import movielens

ROOT = Path(__file__).parent.parent
FOLDS, SEED = 5, 1


def written(folder: Path) -> list[Path]:
    """A table for each fold, whose test rows they are."""
    release = movielens.fetch(Path("build/downloads"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "movies.csv").write_text(movielens.convert(release)["movies.csv"])
    rows = movielens.rows(release)
    films = np.sort([int(line.split("\t")[0]) for line in release.items.splitlines()[1:]])
    fold: Ints = np.random.default_rng(SEED).permutation(len(rows)) % FOLDS
    made = []
    for number in range(FOLDS):
        made.append(folder / f"raw-{number}.csv")
        split = np.where(fold == number, "test", "train")
        lines = [f"{u},{films[f]},{s},{w}\n" for (u, f, s), w in zip(rows, split, strict=True)]
        made[-1].write_text("".join(["user,movie,rating,split\n", *lines]))
    return made


def mse(raw: Path, trials: int, overrides: Sequence[str]) -> dict[str, float]:
    """Of each model on the test rows of a fold."""
    warehouse = raw.parent / raw.stem.replace("raw", "fold")
    settings = [f"warehouse={warehouse}", "raw.source=table", f"raw.path={raw}"]
    settings += [f"raw.items.path={raw.parent / 'movies.csv'}"]
    settings += [f"tune.trials={trials}", *overrides]
    command = [sys.executable, "jobs/pipeline.py", "--conf", "conf/movielens-100k.yaml"]
    command += ["--until", "evaluate"]
    command += [word for setting in settings for word in ("--set", setting)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return Leaderboard.of_json((warehouse / "reports/leaderboard.json").read_bytes()).mse


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--trials", nargs="+", type=int, default=[0, 6])
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = arguments.parse_args()
    folds = written(options.folder.absolute())
    for trials in options.trials:
        found = [mse(raw, trials, options.set) for raw in folds]
        for name in found[0]:
            by_fold = np.sqrt([errors[name] for errors in found])
            row = {"trials": trials, "model": name, "rmse": round(float(by_fold.mean()), 4)}
            print(json.dumps(row | {"folds": by_fold.round(4).tolist()}), flush=True)


if __name__ == "__main__":
    main()
