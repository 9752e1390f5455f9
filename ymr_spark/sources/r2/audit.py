"""What the audit of all lines found, and the gates that it must pass before a row is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from ymr_spark.errors import DataContractError
from ymr_spark.records.line_counts import LineCounts
from ymr_spark.sources.raw_file import RawFile
from ymr_spark.sources.reasons import Reason


@dataclass(frozen=True)
class Findings:
    """The audit in numbers, by file name."""

    lines: dict[str, int]
    kept: dict[str, int]
    quarantined: dict[str, dict[str, int]]  # by reason
    units: dict[int, tuple[int, int]]  # train and test rows of each unit of work
    users: list[tuple[int, int]]  # first and last of each block
    splittable: bool  # some user has two train rows, so that one can be held out
    errors: list[str]

    def whole_users(self) -> bool:
        """No user can be in two blocks."""
        users = sorted(self.users)
        return all(a[1] < b[0] for a, b in pairwise(users))

    def counts(self) -> dict[str, LineCounts]:
        """By file name."""
        return {
            name: LineCounts(lines, self.kept[name], self.quarantined[name])
            for name, lines in self.lines.items()
        }


def findings(audit: DataFrame, files: tuple[RawFile, ...]) -> Findings:
    """Collect all but the quarantined lines themselves of a `summaries.AUDIT` table."""
    blocks = audit.drop("faults").collect()
    counted = [block for block in blocks if block["error"] is None]
    units: dict[int, tuple[int, int]] = {}
    for block in counted:
        train, test = units.get(block["unit"], (0, 0))
        units[block["unit"]] = (train + block["train"], test + block["test"])
    quarantined: dict[str, dict[str, int]] = {file.name: {} for file in files}
    for row in quarantine(audit).groupBy("file", "reason").count().collect():
        quarantined[row["file"]][row["reason"]] = row["count"]
    return Findings(
        {file.name: sum(block["lines"][file.index] for block in counted) for file in files},
        {file.name: sum(block["kept"][file.index] for block in counted) for file in files},
        {name: dict(sorted(reasons.items())) for name, reasons in quarantined.items()},
        units,
        [(b["first_user"], b["last_user"]) for b in counted if b["first_user"] is not None],
        any(block["repeated"] for block in counted),
        sorted({block["error"] for block in blocks} - {None}),
    )


def quarantine(audit: DataFrame) -> DataFrame:
    """The quarantined lines of a `summaries.AUDIT` table, as schemas.QUARANTINE."""
    return audit.select(F.explode("faults").alias("fault")).select("fault.*")


def check(
    found: Findings, max_quarantine_share: float, before: Mapping[str, LineCounts] | None = None
) -> None:
    """The gates before anything is written.

    Args:
        before: of files that were taken earlier, which count for the share.

    Raises:
        DataContractError: a file cannot be read, a line is unaccounted for, a file has no row
            to keep, the share of quarantined lines is above the maximum, or no row can be held
            out for validation.
    """
    if found.errors:
        raise DataContractError("; ".join(found.errors))
    for name, lines in found.lines.items():
        rejected = sum(found.quarantined[name].values())
        if lines != found.kept[name] + rejected:
            raise DataContractError(
                f"{name}: {lines} lines read, but {found.kept[name]} kept and {rejected} "
                "quarantined; it changed while it was read, or this is a bug: run again"
            )
    counts = {**(before or {}), **found.counts()}
    reasons = {name: count.quarantined for name, count in counts.items() if count.quarantined}
    check_share(sum(count.lines for count in counts.values()), reasons, max_quarantine_share)
    for name, kept in found.kept.items():
        if not kept:
            raise DataContractError(f"{name}: no line of it is kept ({found.quarantined[name]})")
    if not (found.splittable or before):
        raise DataContractError(
            f"{', '.join(found.lines)}: no user has two train rows, so none can be held out for "
            "validation, by which training stops and the best model is chosen; add train rows of "
            "the same users"
        )


def check_share(lines: int, quarantined: dict[str, dict[str, int]], maximum: float) -> None:
    """Raise DataContractError where too many of the lines are quarantined, by file and reason;
    those of forgotten users do not count."""
    quarantined = {
        file: {reason: lines for reason, lines in reasons.items() if reason != Reason.FORGOTTEN}
        for file, reasons in quarantined.items()
    }
    rejected = sum(sum(reasons.values()) for reasons in quarantined.values())
    if rejected > maximum * lines:
        raise DataContractError(
            f"{rejected} of {lines} lines would be quarantined, a share above {maximum:g}: "
            f"{quarantined}; correct the files, or raise ingest.max_quarantine_share"
        )
