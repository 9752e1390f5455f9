"""What a comparison was made of."""

from typing import Any

from ymr_spark.identity import Identity
from ymr_spark.records.figures import Addition, Tuned
from ymr_spark.records.record import Record


class Certificate(Record):
    """reports/certificate.json.

    Attributes:
        ratings: rows and content hash of each split.
        additions: the commits that they are the sum of, from the one that made the table on.
        predictions: by model, the sha256 of each data file.
        chosen_on: by model, the rows of the fit that has predicted the validation rows.
        fitted_to: by model, the rows of the final fit, which has predicted the test rows.
        tuned: by model, how its settings were chosen; None where they were given.
        tables: `Warehouse.state` of each table that the comparison read or wrote.
        files: the sha256 of the leaderboard, of the fits that made the lists for validation, and of
            the shards' inventory, which has those of all their files.
        settings: by stage, those that governed it, its seed among them.
        commit: of the source tree, where it ran in one.
    """

    ratings: dict[str, Identity]
    additions: list[Addition]
    predictions: dict[str, dict[str, str]]
    chosen_on: dict[str, Identity]
    fitted_to: dict[str, Identity]
    tuned: dict[str, Tuned | None]
    tables: dict[str, str | None]
    files: dict[str, str]
    settings: dict[str, dict[str, Any]]
    packages: dict[str, str | None]
    commit: str | None
