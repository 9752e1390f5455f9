"""Figures of the last runs as the text that Prometheus' node exporter collects from files."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.pipeline import manifests
from ymr_spark.pipeline.stages import STAGES
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Ingested
from ymr_spark.records.leaderboard import Leaderboard
from ymr_spark.records.manifest import Manifest

# By labels' values, the number; one metric of an exposition.
_Samples = Mapping[tuple[str, ...], float]
_BOARD = "reports/leaderboard.json"


def write(path: Path, warehouse: Warehouse, job: str, exit_code: int) -> None:
    """Write the file, whole or not at all.

    Args:
        job: that has just ended with the code.

    Raises:
        EnvironmentProblem: the package is not installed.
        OSError: the file cannot be written.
    """
    try:
        from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
    except ImportError as e:
        raise EnvironmentProblem(
            "needs the package prometheus-client; pip install 'ymr_spark[prometheus]'"
        ) from e
    registry = CollectorRegistry()

    def tell(name: str, meaning: str, labels: Iterable[str], samples: _Samples) -> None:
        names = ("warehouse", *labels)
        gauge = Gauge(f"ymr_{name}", meaning, names, registry=registry)
        for values, number in samples.items():
            gauge.labels(str(warehouse.root), *values).set(number)

    tell("exit_code", "of the job's last end, 0 where all is well", ["job"], {(job,): exit_code})
    tell("ended_timestamp_seconds", "the job's last end", ["job"], {(job,): time.time()})
    last = [manifests.latest(stage.name, warehouse) for stage in STAGES]
    _stages(tell, [manifest for manifest in last if manifest])
    ingested = manifests.told("ingest", warehouse, Ingested)
    if ingested is not None:
        _ingested(tell, ingested)
    if warehouse.path(_BOARD).exists():
        _board(tell, Leaderboard.of_json(warehouse.path(_BOARD).read_bytes()))
    write_to_textfile(str(path), registry)


def _stages(tell: Any, last: list[Manifest]) -> None:
    of = {(m.stage,): m for m in last}
    tell("stage_seconds", "of its last run", ["stage"], {k: m.job_seconds for k, m in of.items()})
    tell("stage_rows", "of its last run", ["stage"], {k: m.figures.rows for k, m in of.items()})
    peak = {key: manifest.peak_memory_mib * 2**20 for key, manifest in of.items()}
    tell("stage_peak_memory_bytes", "of all its processes", ["stage"], peak)


def _ingested(tell: Any, told: Ingested) -> None:
    files = told.files.items()
    tell("raw_lines", "read of the file", ["file"], {(f,): counts.lines for f, counts in files})
    wrong = {(f, reason): n for f, counts in files for reason, n in counts.quarantined.items()}
    tell("quarantined_lines", "of the file", ["file", "reason"], wrong)
    lines = sum(counts.lines for _, counts in files)
    share = {(): sum(wrong.values()) / max(1, lines)}
    tell("quarantined_share", "of all lines", [], share)
    rows = {(split,): identity.rows for split, identity in told.splits.items()}
    tell("ratings", "in the table", ["split"], rows)


def _board(tell: Any, board: Leaderboard) -> None:
    tell("test_mse", "stars squared", ["model"], {(name,): mse for name, mse in board.mse.items()})
    lists = {(m.name,): m.ndcg_100 for m in board.lists if m.ndcg_100 is not None}
    tell("test_ndcg_100", "of lists of 100 songs", ["model"], lists)
