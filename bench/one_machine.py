"""The pipeline's stages beside tools of one process, on the same machine and rows.

    python -m bench.one_machine WAREHOUSE --conf conf/full.yaml [--set KEY=VALUE ...]
        [--stages NAME ...] [--epoch]

WAREHOUSE has just been filled by jobs/pipeline.py: our seconds are those of its manifests, our
errors of its leaderboard, and so both sides are of one run only where the rivals run right after
it, with nothing beside them. Each rival is a process of its own. Prints a row of Markdown a rival;
the ratio is of our seconds to the rival's.

Our seconds are of whole jobs: the fit that validation rows choose by, the final fit to all rows of
the train files, the predictions and their tables. Rivals read Parquet or the raw text, are fitted
once, to the same rows as our final fit, and judged on test; what the choice of their settings took
is told beside their names. `two_tower_dot` and Keras are compared by their training alone, for a
number of rows: ours by the mean epoch, which has judged the validation rows, too.
"""

import argparse
import importlib.util
import json
import multiprocessing
import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from bench.rivals import bias, factors, neighbors, rows, sql, top_songs, towers
from bench.rivals.rows import Result, Skipped
from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import manifests, settings_file
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records import learning_curve

Compete = Callable[[Warehouse, Settings], Result]
_HEAD = (
    "| stage | ours s | rival | rival s | ratio | our MSE | rival MSE | peak GiB of the rival |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Rival:
    """What stands beside a stage, and the package that it needs."""

    stage: str
    compete: Compete
    package: str


RIVALS = (
    Rival("ingest", sql.compete_ingest, "duckdb"),
    Rival("summarize", sql.compete_summarize, "duckdb"),
    Rival("train_bias", bias.compete, "numpy"),
    Rival("train_similarity", neighbors.compete_scipy, "scipy"),
    Rival("train_similarity", neighbors.compete_implicit, "implicit"),
    Rival("train_latent_factor", factors.compete_libmf, "libmf"),
    Rival("train_als", factors.compete_cmfrec, "cmfrec"),
    Rival("train_two_tower_dot", towers.compete, "tensorflow"),
    Rival("recommend", top_songs.compete, "implicit"),
)
_BY_EPOCH = Rival("train_two_tower_dot", towers.compete_by_epoch, "tensorflow")


def row(rival: Rival, warehouse: Warehouse, settings: Settings) -> str:
    """The table's row of a rival, or why it has none."""
    if importlib.util.find_spec(rival.package) is None:
        return _skipped(rival, f"{rival.package} is not installed: pip install .[bench]")
    try:
        result, peak = _alone(rival.compete, warehouse, settings)
        ours = _our_seconds(rival.stage, warehouse, result)
    except (Skipped, DataContractError) as e:
        return _skipped(rival, str(e))
    except (BrokenProcessPool, MemoryError):
        return _skipped(rival, f"{rival.package} ran out of memory, or was killed")
    what = result.what
    if result.tuning is not None:
        what += f", tuned in {result.tuning:.1f} s"
    mse = _our_mse(rival.stage, warehouse) if result.mse is not None else None
    cells = (
        *(rival.stage, f"{ours:.1f}", what, f"{result.seconds:.1f}"),
        *(f"{ours / result.seconds:.2f}", _error(mse), _error(result.mse), f"{peak:.1f}"),
    )
    return f"| {' | '.join(cells)} |"


def _skipped(rival: Rival, why: str) -> str:
    return f"| {rival.stage} | | skipped: {why} | | | | | |"


def _error(mse: float | None) -> str:
    return "" if mse is None else f"{mse:.4f}"


def _alone(compete: Compete, warehouse: Warehouse, settings: Settings) -> tuple[Result, float]:
    """What it returns in a process of its own, and that process' peak in GiB."""
    # A fork would begin with this process' memory.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        result = pool.submit(compete, warehouse, settings).result()
        return result, pool.submit(_peak).result()


def _peak() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 2**20 if found else float("nan")


def _our_seconds(stage: str, warehouse: Warehouse, result: Result) -> float:
    if result.rows is not None:
        told = rows.trained(warehouse, stage.removeprefix("train_"))
        epochs = learning_curve.seconds(told.learning_curve) / len(told.learning_curve)
        return epochs * result.rows / told.chosen_on.rows
    manifest = manifests.latest(stage, warehouse)
    if manifest is None:
        raise DataContractError(f"{warehouse.root}: {stage} was not run")
    return manifest.job_seconds


def _our_mse(stage: str, warehouse: Warehouse) -> float | None:
    file = warehouse.path("reports/leaderboard.json")
    models = json.loads(file.read_text())["models"] if file.exists() else []
    errors = {model["name"]: float(model["mse"]) for model in models}
    return errors.get(stage.removeprefix("train_"))


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("warehouse", type=Path)
    arguments.add_argument("--conf", type=Path, default=Path("conf/full.yaml"))
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    stages = list(dict.fromkeys(rival.stage for rival in RIVALS))
    arguments.add_argument("--stages", nargs="+", choices=stages, default=stages)
    arguments.add_argument("--epoch", action="store_true", help="a whole epoch of Keras, with MSE")
    options = arguments.parse_args()
    settings = settings_file.load(options.conf, options.set)
    warehouse = Warehouse(options.warehouse, settings.raw.folder)
    print(_HEAD, flush=True)
    for rival in (*RIVALS, *((_BY_EPOCH,) if options.epoch else ())):
        if rival.stage in options.stages:
            print(row(rival, warehouse, settings), flush=True)


if __name__ == "__main__":
    main()
