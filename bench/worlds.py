"""Print how much of the way from bias to the floor each model goes, in planted worlds that differ.

    python bench/worlds.py build/worlds --trials 0 6 60

The pipeline runs in each world until it has judged the models, in a warehouse of its own below the
folder, with settings as given (0 trials) and chosen by so many trials; what is there already is not
made again.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ymr_spark.pipeline.settings import Settings
from ymr_spark.records.leaderboard import Leaderboard

ROOT = Path(__file__).parent.parent
WORLDS: dict[str, dict[str, float]] = {
    "usual": {},
    "rank-1": {"taste_rank": 1},
    "rank-16": {"taste_rank": 16},
    "rank-8-no-content": {"taste_rank": 8, "content": 0},
    "noisy": {"noise_sd": 1.4},
    "affinity": {"affinity_sd": 0.4},
    "sparse": {"users": 15_000, "songs": 12_000},
    "even": {"user_spread": 0.3, "song_spread": 0.5},
}


def judged(folder: Path, world: str, conf: str, overrides: Sequence[str]) -> Leaderboard:
    """The leaderboard of a world."""
    settings = [f"warehouse={folder / world}", f"raw.folder={folder / world / 'raw'}", *overrides]
    settings += [f"planted.{name}={value}" for name, value in WORLDS[world].items()]
    command = [sys.executable, "jobs/pipeline.py", "--conf", conf, "--until", "evaluate"]
    command += [word for setting in settings for word in ("--set", setting)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return Leaderboard.of_json((folder / world / "reports/leaderboard.json").read_bytes())


def closed(board: Leaderboard) -> dict[str, float]:
    """By model: the share of the distance from the error of bias to the floor, below 0 if worse."""
    assert board.floor_mse is not None
    distance = board.mse["bias"] - board.floor_mse
    return {name: (board.mse["bias"] - mse) / distance for name, mse in board.mse.items()}


def table(boards: dict[str, list[Leaderboard]]) -> str:
    """A line a model, a column a world; in percent for each number of trials, with bias and floor
    below."""
    shares = {world: [closed(board) for board in found] for world, found in boards.items()}
    models = [*next(iter(shares.values()))[0]]
    wanted = [m for m in Settings().models if m in models and m != "bias"]
    rows = [[m, *(" / ".join(f"{s[m]:.1%}" for s in shares[w]) for w in boards)] for m in wanted]
    rows.append(["bias, MSE", *(f"{found[0].mse['bias']:.4f}" for found in boards.values())])
    rows.append(["floor, MSE", *(f"{found[0].floor_mse:.4f}" for found in boards.values())])
    head = ["closed", *boards]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--conf", default="conf/sample.yaml")
    arguments.add_argument("--worlds", nargs="+", choices=WORLDS, default=[*WORLDS])
    arguments.add_argument("--trials", nargs="+", type=int, default=[0, 6])
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = arguments.parse_args()
    folder = options.folder.absolute()
    boards: dict[str, list[Leaderboard]] = {}
    for world in options.worlds:
        boards[world] = [
            judged(folder, world, options.conf, [*options.set, f"tune.trials={trials}"])
            for trials in options.trials
        ]
        print(table(boards), flush=True)


if __name__ == "__main__":
    main()
