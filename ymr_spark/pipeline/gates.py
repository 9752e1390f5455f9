"""Whether lists may be published: what they are made from, held against what the last ones were."""

import logging
from typing import Any

import numpy as np
import pyarrow.compute as pc

from ymr_spark.errors import DataContractError
from ymr_spark.evaluation.list_judgement import RECOMMENDED
from ymr_spark.pipeline.publication import ingested
from ymr_spark.pipeline.settings import Gates
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.basis import Basis, Judged

log = logging.getLogger(__name__)
RESOURCE = "reports/basis.json"
_LOOK = "reports/leaderboard.json and the tables summary_values and quarantine"


def measured(warehouse: Warehouse) -> Basis:
    """That of lists that are made now."""
    lines = ingested(warehouse).files.values()
    quarantined = sum(sum(counts.quarantined.values()) for counts in lines)
    given = _given(warehouse)
    everyone = given.sum(axis=0)
    values = warehouse.scale().values
    per_user = given @ values / given.sum(axis=1)
    errors = _test_rows(warehouse, "metrics", "mse")
    best = sorted(errors, key=lambda row: float(row["mse"]))[:1]
    worths = _test_rows(warehouse, "ranking", "ndcg_100")
    lists = [row for row in worths if row["model"] == RECOMMENDED]
    return Basis(
        quarantine_share=quarantined / max(1, sum(counts.lines for counts in lines)),
        rating_shares=dict(zip(values.tolist(), (everyone / everyone.sum()).tolist(), strict=True)),
        user_mean=float(per_user.mean()),
        mse=_judged(best, "mse"),
        ndcg_100=_judged(lists, "ndcg_100"),
    )


def last(warehouse: Warehouse) -> Basis | None:
    """That of the lists that are published; None where none are, or of another version."""
    path = warehouse.path(RESOURCE)
    if not path.exists():
        return None
    try:
        return Basis.model_validate_json(path.read_bytes())
    except ValueError as e:
        log.warning("%s: not of this version (%s)", path, str(e).splitlines()[0])
        return None


def require_open(now: Basis, before: Basis | None, gates: Gates) -> None:
    """Raise DataContractError where a gate closes, saying by how much and what to look at."""
    if before is None:
        return
    if found := closed(now, before, gates):
        raise DataContractError(
            f"{'; '.join(found)}: the last lists stay as they were. Look at {_LOOK}; "
            "where all is as it should be, open that gate for one run"
        )


def closed(now: Basis, before: Basis, gates: Gates) -> list[str]:
    """What is wrong, by gate."""
    shares = [basis.rating_shares for basis in (now, before)]
    ratings = {rating for share in shares for rating in share}
    differences = [abs(shares[0].get(r, 0.0) - shares[1].get(r, 0.0)) for r in ratings]
    changes = {
        "quarantine_rise": now.quarantine_share - before.quarantine_share,
        "rating_shift": sum(differences) / 2,
        "user_mean_shift": abs(now.user_mean - before.user_mean),
    }
    limits = gates.model_dump()
    found = [
        f"gates.{name}: {change:.4f}, at most {limits[name]:g}"
        for name, change in changes.items()
        if limits[name] is not None and change > limits[name]
    ]
    if not gates.worse_models:
        found += _worse(now, before)
    return found


def _worse(now: Basis, before: Basis) -> list[str]:
    """Beyond both intervals."""
    found = []
    if now.mse and before.mse and _above(now.mse.low, before.mse.high):
        found.append(f"test MSE {now.mse.value:.4f}, before {before.mse.value:.4f}")
    if now.ndcg_100 and before.ndcg_100 and _above(before.ndcg_100.low, now.ndcg_100.high):
        worths = f"{now.ndcg_100.value:.4f}, before {before.ndcg_100.value:.4f}"
        found.append(f"NDCG@100 of the lists {worths}")
    return [f"gates.worse_models: {what}" for what in found]


def _above(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low > high


def _given(warehouse: Warehouse) -> Any:
    """(users, levels) of the train files: how often each user gave each rating."""
    rows = warehouse.load("summary_users", pc.field("split") != "test")
    users, of_row = np.unique(rows["user_id"].to_numpy(), return_inverse=True)
    counts = pc.list_flatten(rows["counts"]).to_numpy().reshape(len(rows), -1)
    given = np.zeros((len(users), counts.shape[1]))
    np.add.at(given, of_row, counts)
    return given


def _test_rows(warehouse: Warehouse, table: str, value: str) -> list[dict[str, Any]]:
    rows = warehouse.load(table, pc.field("split") == "test").to_pylist()
    return [row for row in rows if row[value] is not None]


def _judged(rows: list[dict[str, Any]], value: str) -> Judged | None:
    found = [
        Judged(value=row[value], low=row[f"{value}_low"], high=row[f"{value}_high"]) for row in rows
    ]
    return found[0] if found else None
