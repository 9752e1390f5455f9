"""What a comparison was made of, as hashes that the data can be held against again."""

import subprocess
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from ymr_spark import shipped
from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.pipeline import provenance, publication
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import identity
from ymr_spark.records.certificate import Certificate
from ymr_spark.records.figures import Tuned
from ymr_spark.shards import inventory
from ymr_spark.store import locations
from ymr_spark.store.file_states import sha256

RESOURCE = "reports/certificate.json"


def issue(
    warehouse: Warehouse,
    models: Mapping[str, Tuned | None],
    chosen_on: Mapping[str, Identity],
    fitted_to: Mapping[str, Identity],
    tables: Sequence[str],
    files: Sequence[str],
    settings: Mapping[str, Any],
) -> Certificate:
    """The certificate of a comparison that has just been made.

    Args:
        models: those compared, and how the settings of each were chosen.
        chosen_on, fitted_to: by model, the rows of the fit that validation has judged, and of the
            final one.
        tables, files: what it read and wrote; of files, those that there are.
        settings: by stage, those that governed what it was made of, each stage's seed among them.
    """
    ingested = publication.ingested(warehouse)
    return Certificate(
        ratings=ingested.splits,
        additions=ingested.additions,
        predictions=_prediction_files(warehouse, models),
        chosen_on=dict(chosen_on),
        fitted_to=dict(fitted_to),
        tuned=dict(models),
        tables={table: warehouse.state(table) for table in tables},
        files=_digests(warehouse, files),
        settings=dict(settings),
        packages=provenance.packages(),
        commit=_commit(),
    )


def read(warehouse: Warehouse) -> Certificate:
    """That of the last comparison.

    Raises:
        DataContractError: there is none, or it is of another version.
    """
    warehouse.require(RESOURCE)
    path = warehouse.path(RESOURCE)
    try:
        return Certificate.model_validate_json(path.read_bytes())
    except ValueError as e:
        raise DataContractError(
            f"{path}: not a certificate of this version ({str(e).splitlines()[0]}); run "
            "jobs/evaluate.py --force"
        ) from e


def verify(spark: SparkSession, warehouse: Warehouse, certificate: Certificate) -> None:
    """Hash the ratings, predictions, shards and leaderboard again.

    Raises:
        DataContractError: one of them is not what the certificate says, with its name.
    """
    _compare("table", certificate.tables, {t: warehouse.state(t) for t in certificate.tables})
    _compare("file", certificate.files, _digests(warehouse, [*certificate.files]))
    if warehouse.path("shards/").exists():
        inventory.verify(warehouse.path("shards/"))
    found = _prediction_files(warehouse, certificate.predictions)
    for model, certified in sorted(certificate.predictions.items()):
        _compare(f"predictions of {model}, data file", certified, found[model])
    _compare("ratings of", certificate.ratings, _ratings(spark, warehouse))


def _ratings(spark: SparkSession, warehouse: Warehouse) -> dict[str, Identity]:
    try:
        return identity(warehouse.read(spark, "ratings"))
    except (PySparkException, Py4JJavaError) as e:
        raise DataContractError(
            f"{warehouse.path('ratings')}: a data file cannot be read ({str(e)[:600]}); "
            "run jobs/ingest.py --force"
        ) from e


def _compare(what: str, certified: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for name in sorted(certified.keys() | found.keys()):
        if certified.get(name) != found.get(name):
            raise DataContractError(
                f"{what} {name}: {found.get(name) or 'missing'}, the certificate says "
                f"{certified.get(name) or 'nothing of it'}; see what changed it, or compare anew "
                "by jobs/pipeline.py"
            )


def _prediction_files(warehouse: Warehouse, models: Collection[str]) -> dict[str, dict[str, str]]:
    """Of each of the models: the sha256 of each data file of the table's pinned version."""
    by_model: dict[str, dict[str, str]] = {model: {} for model in models}
    root = warehouse.path("predictions")
    for path in warehouse.files("predictions"):
        model = path.parent.name.removeprefix("model=")
        if model in by_model:
            digest = sha256(path) if path.exists() else "missing"
            by_model[model][str(locations.below(root, path))] = digest
    return by_model


def _digests(warehouse: Warehouse, files: Sequence[str]) -> dict[str, str]:
    """By those of the files that there are."""
    paths = {name: warehouse.path(name) for name in files}
    return {name: sha256(path) for name, path in paths.items() if path.exists()}


def _commit() -> str | None:
    """The commit of this source tree, None outside of one; -dirty where files were changed."""
    if not shipped.IN_SOURCE_TREE:
        return None  # git would tell of the repository that the environment happens to lie in
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=shipped.JOBS, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
